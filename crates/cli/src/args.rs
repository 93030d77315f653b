//! What can be typed: every command, every option, and what it is for.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Talks with people over Madang from a terminal or a script.
///
/// Exit codes: 0 done · 1 failed · 2 not understood · 3 wrong passphrase · 4 the profile is in use by another
/// process · 5 what was named is not there · 6 not done in the time given.
#[derive(Debug, Parser)]
#[command(name = "madang-cli", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Options that every command understands.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command understands.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// The profile's directory [default: madang/profile in the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub profile: Option<PathBuf>,
    /// Read the passphrase from this open file descriptor: one line, without the line's end
    #[arg(long, global = true, value_name = "N", conflicts_with = "passphrase_file")]
    pub passphrase_fd: Option<u32>,
    /// Read the passphrase from this file: its first line, without the line's end
    #[arg(long, global = true, value_name = "PATH")]
    pub passphrase_file: Option<PathBuf>,
    /// Listen here for contacts, for example /ip4/0.0.0.0/tcp/4471; may be repeated [default: any free port]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// Do not look for contacts on the local network, and do not show that Madang runs here
    #[arg(long, global = true)]
    pub no_mdns: bool,
    /// Write JSON, one object a line; the fields are listed in docs/cli.md
    #[arg(long, global = true)]
    pub json: bool,
    /// Tell on standard error what happens inside
    #[arg(long, global = true, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Off)]
    pub log: LogLevel,
}

/// How much is told on standard error.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum LogLevel {
    /// Nothing.
    #[default]
    Off,
    /// What goes wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// What happens.
    Info,
    /// Every step.
    Debug,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a profile: a new account and its sealed store
    Init(Init),
    /// Show the account, its name and where it can be reached
    Whoami,
    /// Make an invite for one person to accept; hand it over in a way you trust
    Invite(Invite),
    /// Accept an invite; the person becomes a contact
    Accept(Accept),
    /// List the contacts
    Contacts,
    /// Call a contact by another name here
    Rename(Rename),
    /// Show the safety number with a contact, compare it, or take a comparison back
    Verify(Verify),
    /// Make new keys with a contact at once, because somebody else may know the present ones
    Suspect(Suspect),
    /// Call this device back: contacts are told, and take nothing from it any more; nothing brings it back
    ///
    /// For when a device, or a copy of its keys, is in the hands of others: restore a backup, be connected, and call
    /// it back. Meet people anew from a new profile.
    CallBack(CallBack),
    /// Write a message; it is kept on disk when the command ends, and leaves when a road opens
    Send(Send),
    /// Run the node and tell what happens, until interrupted
    ///
    /// SIGUSR1, or the line `{"do":"lock"}`, locks the profile: the program replaces itself, so that no key and no
    /// message stays in its memory, and waits for the passphrase. What the system has written to swap stays there.
    Listen(Listen),
    /// Show a conversation, oldest message first
    History(History),
    /// Show how far a message has come
    Trail(Trail),
    /// Show or choose after how long new messages of a conversation disappear; both sides see the choice
    ///
    /// A message disappears from a device when so much running time has passed since it was shown there; its author's
    /// copy, since the other device confirmed it. Time in which the profile is closed does not count. The other side
    /// can always keep a copy: a picture of the screen, or a changed program.
    Disappear(Disappear),
    /// Show or choose what is said about disappearing messages in every new conversation
    DisappearDefault(DisappearDefault),
    /// Delete a message on this device; the contact keeps their copy
    ///
    /// An own message that was not received yet is withdrawn where that is still possible. What a contact has
    /// received stays with them, and copies of the profile's folder made before still hold it.
    Delete(Delete),
    /// Delete a conversation's whole history on this device; the contact keeps theirs
    ///
    /// Copies of the profile's folder made before still hold it.
    Clear(Clear),
    /// Remove a contact with history and keys; they are not told, and cannot write here any more
    Remove(Clear),
    /// Change the passphrase; the old one opens nothing any more
    ///
    /// Copies of the profile's folder that were made before, and backups, still open with what opened them then.
    Passphrase(Passphrase),
    /// Destroy this profile at once: no passphrase opens it any more, and nothing brings it back
    ///
    /// Asks for no passphrase. The keys are gone in a moment, also while another program has the profile open, which
    /// then ends; the files are deleted as far as they can be. What it does not reach: copies of the folder and backups,
    /// what contacts have, and, on flash disks, an old copy of the key file that the hardware may keep.
    Panic(Panic),
    /// A second passphrase, for who is forced to open something
    #[command(subcommand)]
    Duress(Duress),
    /// Write a backup: who you are, your contacts and what was said, in one sealed file
    ///
    /// Whoever has the file and its passphrase or words has all of that.
    /// After restoring it, run the old device no more: two that are the same person lose messages.
    Backup(Backup),
    /// Make a profile of a backup, in the directory of --profile, which must be absent or empty
    ///
    /// The passphrase of --passphrase-fd or --passphrase-file becomes that of the new profile. Every contact gets fresh
    /// keys before anything else is sent to them.
    Restore(Restore),
    /// Relays that keep mail for this profile
    #[command(subcommand)]
    Relay(Relay),
    /// Play the practice conversation: two people, a relay, one of them away and back
    Demo,
    /// Print completions for a shell
    Completions(Completions),
    /// Print the manual page, or write one page for each command into a directory
    Man(Man),
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The name that contacts see first; they can call you otherwise
    #[arg(long)]
    pub name: String,
    /// Memory of the passphrase's key derivation, in KiB: at least 65536
    #[arg(long, hide = true, value_name = "KIB")]
    pub kdf_memory_kib: Option<u32>,
    /// Derive the key at a cost that protects nothing, for tests
    #[arg(long, hide = true)]
    pub insecure_test_kdf: bool,
}

/// Options of `invite`.
#[derive(Clone, Debug, Args)]
pub struct Invite {
    /// Days for which the invite can be accepted: 1 to 365
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub days: u16,
    /// Also draw the invite as a QR code
    #[arg(long)]
    pub qr: bool,
    /// Run on until somebody has accepted the invite, for at most this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
}

/// Options of `accept`.
#[derive(Clone, Debug, Args)]
pub struct Accept {
    /// The invite, or `-` to read it from standard input
    pub invite: String,
    /// What to call the contact here [default: what they call themselves]
    #[arg(long)]
    pub name: Option<String>,
    /// Run on until messages can flow, for at most this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
}

/// Options of `rename`.
#[derive(Clone, Debug, Args)]
pub struct Rename {
    /// The contact's number or name
    pub contact: String,
    /// The new name
    pub name: String,
}

/// Options of `verify`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The contact's number or name
    pub contact: String,
    /// The number that the contact reads out: the contact becomes verified if it is the same
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["yes", "no"])]
    pub compare: Option<String>,
    /// You have compared the numbers and they are the same
    #[arg(long, conflicts_with = "no")]
    pub yes: bool,
    /// The contact is no longer to count as verified
    #[arg(long)]
    pub no: bool,
    /// Also draw the safety number as a QR code
    #[arg(long)]
    pub qr: bool,
}

/// Options of `suspect`.
#[derive(Clone, Debug, Args)]
pub struct Suspect {
    /// The contact's number or name
    pub contact: String,
}

/// Options of `call-back`.
#[derive(Clone, Debug, Args)]
pub struct CallBack {
    /// You mean it
    #[arg(long)]
    pub yes: bool,
}

/// Options of `send`.
#[derive(Clone, Debug, Args)]
pub struct Send {
    /// The contact's number or name
    pub contact: String,
    /// The text, or `-` to read it from standard input
    pub text: String,
    /// The message that this one answers
    #[arg(long, value_name = "MESSAGE")]
    pub reply_to: Option<String>,
    /// What to wait for before the command ends
    #[arg(long, value_enum, default_value_t = Until::Kept)]
    pub wait: Until,
    /// Seconds to wait at most
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub timeout: u64,
}

/// How far a message must have come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Until {
    /// Kept on this disk
    Kept,
    /// Held by a relay, or further
    Relay,
    /// Received: the contact's device said so
    Delivered,
}

/// Options of `disappear`.
#[derive(Clone, Debug, Args)]
pub struct Disappear {
    /// The contact's number or name
    pub contact: String,
    /// A number with its unit (30s, 5m, 1h, 1d, 4w: 5 seconds to 365 days), or `off` [default: show what holds]
    pub after: Option<String>,
}

/// Options of `disappear-default`.
#[derive(Clone, Debug, Args)]
pub struct DisappearDefault {
    /// As for `disappear`; `off` leaves it unsaid [default: show what holds]
    pub after: Option<String>,
}

/// Options of `delete`.
#[derive(Clone, Debug, Args)]
pub struct Delete {
    /// The message's id
    pub message: String,
}

/// Options of `clear` and `remove`.
#[derive(Clone, Debug, Args)]
pub struct Clear {
    /// The contact's number or name
    pub contact: String,
    /// You mean it: this cannot be undone
    #[arg(long)]
    pub yes: bool,
}

/// Options of `passphrase`.
#[derive(Clone, Debug, Args)]
pub struct Passphrase {
    /// Read the new passphrase from this open file descriptor: one line, without the line's end
    #[arg(long, value_name = "N", conflicts_with = "new_passphrase_file")]
    pub new_passphrase_fd: Option<u32>,
    /// Read the new passphrase from this file: its first line, without the line's end
    #[arg(long, value_name = "PATH")]
    pub new_passphrase_file: Option<PathBuf>,
}

/// Options of `panic`.
#[derive(Clone, Debug, Args)]
pub struct Panic {
    /// You mean it: this cannot be undone
    #[arg(long)]
    pub yes: bool,
}

/// What to do with the duress passphrase.
#[derive(Clone, Debug, Subcommand)]
pub enum Duress {
    /// Make a passphrase that opens a decoy, an empty profile, in place of an earlier one
    ///
    /// Open the decoy by its passphrase and use it now and then: an unused one convinces nobody. It does not hide that
    /// there is more: who examines the disk sees a second store and how large each is, and who has copied the disk
    /// before has all of it.
    Set(DuressSet),
    /// Take the duress passphrase away, and the decoy with it
    Remove,
}

/// Options of `duress set`.
#[derive(Clone, Debug, Args)]
pub struct DuressSet {
    /// The name that the decoy's profile has
    #[arg(long, default_value = "")]
    pub name: String,
    /// Opening the decoy destroys everything else, at once, whoever types its passphrase
    #[arg(long)]
    pub destroy: bool,
    /// Read the duress passphrase from this open file descriptor: one line, without the line's end
    #[arg(long, value_name = "N", conflicts_with = "duress_passphrase_file")]
    pub duress_passphrase_fd: Option<u32>,
    /// Read the duress passphrase from this file: its first line, without the line's end
    #[arg(long, value_name = "PATH")]
    pub duress_passphrase_file: Option<PathBuf>,
}

/// Options of `backup`.
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// The file to write, in place of what is there
    pub path: PathBuf,
    /// Draw twelve recovery words and show them, instead of asking for a passphrase of the backup's own
    #[arg(long, conflicts_with_all = ["backup_passphrase_fd", "backup_passphrase_file"])]
    pub words: bool,
    /// Draw the words from the Korean list
    #[arg(long, requires = "words")]
    pub korean: bool,
    /// Where the backup's passphrase comes from
    #[command(flatten)]
    pub secret: BackupSecret,
    /// Derive the key at a cost that protects nothing, for tests
    #[arg(long, hide = true)]
    pub insecure_test_kdf: bool,
}

/// Options of `restore`.
#[derive(Clone, Debug, Args)]
pub struct Restore {
    /// The backup
    pub path: PathBuf,
    /// Where the backup's passphrase or words come from
    #[command(flatten)]
    pub secret: BackupSecret,
    /// Derive the profile's key at a cost that protects nothing, for tests
    #[arg(long, hide = true)]
    pub insecure_test_kdf: bool,
}

/// Where a backup's passphrase or words come from.
#[derive(Clone, Debug, Args)]
pub struct BackupSecret {
    /// Read the backup's passphrase or words from this open file descriptor: one line, without the line's end
    #[arg(long, value_name = "N", conflicts_with = "backup_passphrase_file")]
    pub backup_passphrase_fd: Option<u32>,
    /// Read the backup's passphrase or words from this file: its first line, without the line's end
    #[arg(long, value_name = "PATH")]
    pub backup_passphrase_file: Option<PathBuf>,
}

/// Options of `listen`.
#[derive(Clone, Debug, Args)]
pub struct Listen {
    /// The profile was just locked: wait for the passphrase before it is opened again
    #[arg(long, hide = true)]
    pub locked: bool,
    /// Read commands from standard input, one JSON object a line, and answer each; ends with the input
    #[arg(long)]
    pub stdin: bool,
}

/// Options of `history`.
#[derive(Clone, Debug, Args)]
pub struct History {
    /// The contact's number or name
    pub contact: String,
    /// Messages to show at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Only messages before this place, as another page told it
    #[arg(long, value_name = "PLACE")]
    pub before: Option<u64>,
}

/// Options of `trail`.
#[derive(Clone, Debug, Args)]
pub struct Trail {
    /// The message's id
    pub message: String,
}

/// What to do with relays.
#[derive(Clone, Debug, Subcommand)]
pub enum Relay {
    /// Let a relay keep mail for this profile
    Add {
        /// The relay's descriptor, `madang-relay:…`, as its operator shows it; `-` reads it from standard input
        descriptor: String,
        /// Run on until the relay has answered, for at most this many seconds
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
    },
    /// List the relays
    List,
    /// Use a relay no longer
    Remove {
        /// The relay's number, as `relay list` shows it
        relay: u32,
    },
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Seconds as they were typed, at most a year.
pub fn seconds(number: u64) -> Duration {
    Duration::from_secs(number.min(365 * 86_400))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_options_stand_before_or_after_the_command() {
        for line in [
            ["madang-cli", "--json", "--profile", "p", "whoami"],
            ["madang-cli", "whoami", "--json", "--profile", "p"],
        ] {
            let cli = Cli::try_parse_from(line).expect("understood");
            assert!(cli.common.json && cli.common.profile == Some("p".into()));
        }
    }

    #[test]
    fn no_option_takes_a_passphrase_itself() {
        fn visit(command: &clap::Command) {
            for arg in command.get_arguments().filter(|a| a.get_id().as_str().contains("pass")) {
                let id = arg.get_id().as_str();
                assert!(
                    ["passphrase_fd", "passphrase_file"].contains(
                        &id.trim_start_matches("new_")
                            .trim_start_matches("backup_")
                            .trim_start_matches("duress_")
                    ),
                    "{id}"
                );
                assert!(arg.get_env().is_none());
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&Cli::command());
    }
}
