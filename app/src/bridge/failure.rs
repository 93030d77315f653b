//! What the node refuses, as a sentence of the window.

use madang_core::{
    BackupError, CommandError, Ended, NodeError, OpenError, StoreError, TransferError, VaultError,
};

use crate::{
    i18n::T,
    model::{Ending, Failure},
};

/// Finds the sentence for `error`; `otherwise` where the act itself says most. The detail is the node's own text.
pub(super) fn failure(error: &NodeError, otherwise: T) -> Failure {
    let sentence = match error {
        NodeError::Command(command) => of_command(command, otherwise),
        NodeError::Open(OpenError::WrongPassphrase) => {
            return Failure { sentence: T::WrongPassphrase, detail: String::new() };
        }
        NodeError::Open(open) => of_open(open, otherwise),
        NodeError::Backup(backup) => of_backup(backup, otherwise),
        NodeError::Store(_) => T::FailDisk,
        NodeError::Network(_) => T::FailNetwork,
        NodeError::Stopped => T::FailEnded,
    };
    Failure { sentence, detail: error.to_string() }
}

/// Why a node ended, as the window says it.
pub(super) fn ending(why: Option<&Ended>) -> Ending {
    match why {
        Some(Ended::Wiped) => Ending::Wiped,
        Some(Ended::Store(StoreError::Full)) => Ending::Full,
        Some(Ended::Store(StoreError::Corrupt(_))) => Ending::Damaged,
        Some(Ended::Store(_)) | None => Ending::Other,
    }
}

fn of_open(error: &OpenError, otherwise: T) -> T {
    match error {
        OpenError::Busy => T::FailProfileBusy,
        OpenError::WrongPassphrase => T::WrongPassphrase,
        OpenError::Damaged(_) => T::FailDamaged,
        OpenError::Newer { .. } => T::FailNewer,
        OpenError::Vault(VaultError::PassphraseInUse) => T::FailInUse,
        OpenError::Vault(_) => T::FailMemory,
        OpenError::Store(_) => T::FailDisk,
        OpenError::NoProfile | OpenError::AlreadyThere => otherwise,
    }
}

fn of_backup(error: &TransferError, otherwise: T) -> T {
    match error {
        TransferError::Sealed(BackupError::WrongSecret) => T::FailBackupSecret,
        TransferError::Sealed(BackupError::WrongWords) => T::FailWords,
        TransferError::Sealed(BackupError::NotABackup) => T::FailBackupNone,
        TransferError::Sealed(BackupError::Damaged) | TransferError::Format(_) => T::FailBackupDamaged,
        TransferError::Sealed(BackupError::Vault(_)) => T::FailMemory,
        TransferError::File(_) | TransferError::Wiped | TransferError::GivenUp => otherwise,
        TransferError::Store(_) => T::FailDisk,
        TransferError::Folder(folder) => of_open(folder, otherwise),
    }
}

fn of_command(error: &CommandError, otherwise: T) -> T {
    match error {
        CommandError::Invite(_) => T::FailInvite,
        CommandError::OwnInvite => T::FailOwnInvite,
        CommandError::AlreadyContact => T::FailAlready,
        CommandError::ContactCalledBack => T::FailTheirDevice,
        CommandError::CalledBack => T::CalledBack,
        CommandError::RelayNotReached => T::FailRelayFirst,
        CommandError::Relay(_) => T::FailRelay,
        CommandError::TextTooLong(_) => T::FailTooLong,
        CommandError::NotYet => T::FailNotYet,
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_damage_and_a_wipe_are_told_apart() {
        let of = |error| ending(Some(&Ended::Store(error)));
        assert_eq!(of(StoreError::Full), Ending::Full);
        assert_eq!(of(StoreError::Corrupt("a block of the log")), Ending::Damaged);
        assert_eq!(of(StoreError::Io(std::io::ErrorKind::PermissionDenied)), Ending::Other);
        assert_eq!((ending(Some(&Ended::Wiped)), ending(None)), (Ending::Wiped, Ending::Other));
    }
}
