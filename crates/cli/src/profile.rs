//! A profile as a command opens it: where it lies, how its node behaves.

use std::path::PathBuf;

use madang_core::{Address, Config, Cost, Events, Node};

use crate::{
    args::{Common, Init, Restore},
    failure::{Failure, Kind},
    secret,
};

/// Makes a profile and starts its node.
///
/// # Errors
/// [`Failure`]; then nothing was made.
pub(crate) async fn create(common: &Common, init: &Init) -> Result<(Node, Events), Failure> {
    let mut config = config(common, Presence::Quiet)?;
    config.name = init.name.clone();
    config.cost = cost(init)?;
    // Before a person types a passphrase for nothing.
    let directory = fresh(common)?;
    if init.name.trim().is_empty() {
        return Err(Failure::usage("a name is empty; write one that your contacts will know you by"));
    }
    let passphrase = secret::new(common)?;
    let failed = |error| {
        let failure = Failure::from(error);
        Failure::new(failure.kind, format!("{}: {failure}", directory.display()))
    };
    Node::create(&directory, &passphrase, config).await.map_err(failed)
}

/// Opens a profile and starts its node.
///
/// # Errors
/// [`Failure`]: [`Kind::WrongPassphrase`], [`Kind::Busy`], [`Kind::NotFound`] and others.
pub(crate) async fn open(common: &Common, presence: Presence) -> Result<(Node, Events), Failure> {
    // Before a person types a passphrase for nothing.
    existing(common)?;
    open_with(common, presence, &secret::existing(common)?).await
}

/// As [`open`], for a backup whose key derivation protects nothing.
///
/// # Errors
/// As [`open`].
pub(crate) async fn open_cheaply(common: &Common) -> Result<(Node, Events), Failure> {
    let config = Config { cost: Cost::for_tests(), ..config(common, Presence::Quiet)? };
    let directory = existing(common)?;
    Ok(Node::open(&directory, &secret::existing(common)?, config).await?)
}

/// Returns where the profile lies, if there is one.
///
/// # Errors
/// [`Kind::NotFound`], and those of [`directory`].
pub(crate) fn existing(common: &Common) -> Result<PathBuf, Failure> {
    let directory = directory(common)?;
    if Node::is_in(&directory) {
        return Ok(directory);
    }
    let say = format!("{}: there is no profile here; make one with `madang-cli init`", directory.display());
    Err(Failure::new(Kind::NotFound, say))
}

/// Returns where a profile is to be made.
///
/// # Errors
/// [`Kind::Usage`] if that cannot be: a new profile takes the place of its folder.
fn fresh(common: &Common) -> Result<PathBuf, Failure> {
    let directory = directory(common)?;
    let refused = |why| Err(Failure::usage(format!("{}: {why}", directory.display())));
    if directory.exists() && !directory.is_dir() {
        return refused("this is no folder; choose a folder that is empty or new");
    }
    let is_here = |here: PathBuf| directory.canonicalize().is_ok_and(|directory| directory == here);
    if std::env::current_dir().is_ok_and(is_here) {
        return refused("this is the folder you are in; name a new one in it");
    }
    Ok(directory)
}

/// Opens a profile by a passphrase that is at hand.
///
/// # Errors
/// As [`open`].
pub(crate) async fn open_with(
    common: &Common,
    presence: Presence,
    passphrase: &[u8],
) -> Result<(Node, Events), Failure> {
    let config = config(common, presence)?;
    let directory = existing(common)?;
    let failed = |error| {
        let failure = Failure::from(error);
        Failure::new(failure.kind, format!("{}: {failure}", directory.display()))
    };
    Node::open(&directory, passphrase, config).await.map_err(failed)
}

/// Returns where the profile lies.
///
/// # Errors
/// [`Kind::Usage`] if none is named and the user has no home.
pub(crate) fn directory(common: &Common) -> Result<PathBuf, Failure> {
    let usual =
        || directories::ProjectDirs::from("", "", "madang").map(|dirs| dirs.data_dir().join("profile"));
    common
        .profile
        .clone()
        .or_else(usual)
        .ok_or_else(|| Failure::usage("this user has no home directory; name the profile with --profile DIR"))
}

/// Makes a profile of a backup and starts its node.
///
/// # Errors
/// [`Failure`]; then nothing was made.
pub(crate) async fn restore(common: &Common, args: &Restore) -> Result<(Node, Events), Failure> {
    let mut config = config(common, Presence::Quiet)?;
    if args.insecure_test_kdf {
        config.cost = Cost::for_tests();
    }
    let directory = fresh(common)?;
    let secret = secret::of_backup(&args.secret)?;
    let passphrase = secret::new(common)?;
    Ok(Node::restore(&args.path, &secret, &directory, &passphrase, config).await?)
}

/// To whom a command shows itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
    /// It listens for contacts and looks for them.
    Seen,
    /// It speaks to relays alone: it listens nowhere and looks for nobody.
    Relays,
    /// It only reads or changes what is on disk: it listens nowhere, looks for nobody and dials no relay.
    Quiet,
}

fn config(common: &Common, presence: Presence) -> Result<Config, Failure> {
    let mut config = Config { discovery: !common.no_mdns, ..Config::default() };
    if !common.listen.is_empty() {
        let mut listen = Vec::new();
        for text in &common.listen {
            listen.extend(addresses(text)?);
        }
        config.listen = listen;
    }
    if presence != Presence::Seen {
        (config.discovery, config.listen) = (false, Vec::new());
    }
    config.relays = presence != Presence::Quiet;
    Ok(config)
}

/// Reads where to listen: an address such as `/ip4/0.0.0.0/tcp/4471`, or a socket such as `0.0.0.0:4471`, which
/// means both TCP and QUIC.
fn addresses(text: &str) -> Result<Vec<Address>, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "`{text}` is nowhere to listen; write an IP address and port such as 0.0.0.0:4471 or [::]:4471, or \
             /ip4/0.0.0.0/tcp/4471"
        ))
    };
    let spelled: Vec<String> = match text.parse::<std::net::SocketAddr>() {
        Ok(socket) => {
            let family = if socket.is_ipv4() { "ip4" } else { "ip6" };
            let (ip, port) = (socket.ip(), socket.port());
            vec![format!("/{family}/{ip}/tcp/{port}"), format!("/{family}/{ip}/udp/{port}/quic-v1")]
        }
        Err(_) if text.starts_with("/ip4/") || text.starts_with("/ip6/") => vec![text.to_owned()],
        Err(_) => return Err(wrong()),
    };
    spelled.iter().map(|text| Address::parse(text).map_err(|_| wrong())).collect()
}

fn cost(init: &Init) -> Result<Cost, Failure> {
    if init.insecure_test_kdf {
        return Ok(Cost::for_tests());
    }
    match init.kdf_memory_kib {
        None => Ok(Config::default().cost),
        Some(kib) => Cost::new(kib, 3)
            .map_err(|_| Failure::usage("--kdf-memory-kib must be from 65536 (64 MiB) to 4194304 (4 GiB)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_means_both_transports_and_an_address_means_itself() {
        let read =
            |text| addresses(text).map(|all| all.iter().map(|a| a.as_str().to_owned()).collect::<Vec<_>>());
        assert_eq!(read("[::]:0").expect("fine"), ["/ip6/::/tcp/0", "/ip6/::/udp/0/quic-v1"]);
        assert_eq!(read("/ip4/10.0.0.1/tcp/9").expect("fine"), ["/ip4/10.0.0.1/tcp/9"]);
        for wrong in ["here", "10.0.0.1", "/dns/x/tcp/1"] {
            assert!(read(wrong).expect_err(wrong).say.contains("nowhere to listen"));
        }
    }

    #[test]
    fn a_cost_below_the_floor_needs_the_word_insecure() {
        let init = |kdf_memory_kib, insecure_test_kdf| Init {
            name: String::new(),
            kdf_memory_kib,
            insecure_test_kdf,
        };
        assert!(cost(&init(Some(65_535), false)).is_err());
        assert_eq!(cost(&init(Some(65_536), false)).expect("the floor"), Cost::FLOOR);
        assert_eq!(cost(&init(None, true)).expect("for tests"), Cost::for_tests());
    }
}
