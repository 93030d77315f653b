//! What opening a key file costs: memory and passes of Argon2id, and how they stand in the file.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::{SALT_BYTES, VaultError};
use crate::{
    hash::derive,
    key::{Secret, Secret32},
};

/// What deriving the key from a passphrase costs (Argon2id, one lane).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// 256 MiB, three passes.
    pub const DEFAULT: Self = Self { memory_kib: 256 * 1_024, passes: 3 };

    /// 64 MiB, three passes: the least that a real profile may have.
    pub const FLOOR: Self = Self { memory_kib: 64 * 1_024, passes: 3 };

    /// Chooses a cost.
    ///
    /// # Errors
    /// [`VaultError::Cost`] below the memory of [`Self::FLOOR`], above 4 GiB, or outside 1 to 64 passes.
    pub fn new(memory_kib: u32, passes: u32) -> Result<Self, VaultError> {
        let chosen = Self { memory_kib, passes };
        if memory_kib >= Self::FLOOR.memory_kib && chosen.is_possible() {
            Ok(chosen)
        } else {
            Err(VaultError::Cost)
        }
    }

    /// The cost for a machine with so much memory to spare: [`Self::DEFAULT`] where that fits in half of it, else the
    /// half or quarter of its memory with more passes, and never less memory than [`Self::FLOOR`].
    pub const fn fitting(free_bytes: u64) -> Self {
        match free_bytes >> 20 {
            512.. => Self::DEFAULT,
            256.. => Self { memory_kib: 128 * 1_024, passes: 4 },
            _ => Self { memory_kib: 64 * 1_024, passes: 6 },
        }
    }

    /// 8 KiB and one pass: protects nothing, lets tests run.
    pub const fn for_tests() -> Self {
        Self { memory_kib: 8, passes: 1 }
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    fn is_possible(self) -> bool {
        (8..=4 * 1_024 * 1_024).contains(&self.memory_kib) && (1..=64).contains(&self.passes)
    }

    pub(super) fn stretch(self, passphrase: &[u8], salt: &[u8; SALT_BYTES]) -> Result<Secret32, VaultError> {
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| VaultError::Cost)?;
        let mut out = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, out.as_mut_slice())
            .map_err(|error| match error {
                argon2::Error::OutOfMemory => VaultError::OutOfMemory,
                _ => VaultError::Cost,
            })?;
        Ok(derive("M1/vault/kek/1", &Secret::new(*out), &[]))
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

pub(super) const COST_BYTES: usize = 16;
const COST_VERSION: u8 = 1;

/// Version, one lane, two zeros, memory, passes, four zeros.
pub(super) fn cost_bytes(cost: Cost) -> [u8; COST_BYTES] {
    let mut bytes = [0u8; COST_BYTES];
    bytes[0] = COST_VERSION;
    bytes[1] = 1;
    bytes[4..8].copy_from_slice(&cost.memory_kib.to_be_bytes());
    bytes[8..12].copy_from_slice(&cost.passes.to_be_bytes());
    bytes
}

pub(super) fn cost_of(bytes: &[u8; COST_BYTES]) -> Option<Cost> {
    let number = |at: usize| bytes[at..at + 4].try_into().ok().map(u32::from_be_bytes);
    let cost = Cost { memory_kib: number(4)?, passes: number(8)? };
    (cost.is_possible() && cost_bytes(cost) == *bytes).then_some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_gets_the_cost_that_fits_and_never_less_than_64_mib() {
        const MIB: u64 = 1 << 20;
        let fits = |mib: u64, less: u64| {
            let cost = Cost::fitting(mib * MIB - less);
            (cost.memory_kib() / 1_024, cost.passes())
        };
        for (mib, less, expected) in [
            (1 << 20, 0, (256, 3)),
            (512, 0, (256, 3)),
            (512, 1, (128, 4)),
            (256, 0, (128, 4)),
            (256, 1, (64, 6)),
            (1, 0, (64, 6)),
            (0, 0, (64, 6)),
        ] {
            assert_eq!(fits(mib, less), expected, "{mib} MiB less {less} bytes");
        }
        assert_eq!(Cost::default(), Cost::fitting(512 * MIB));
    }

    #[test]
    fn a_cost_is_chosen_within_its_bounds_only() {
        let floor = 64 * 1_024;
        for (memory_kib, passes) in [(floor, 1), (floor, 64), (4 * 1_024 * 1_024, 1)] {
            let cost = Cost::new(memory_kib, passes).expect("within the bounds");
            assert_eq!((cost.memory_kib(), cost.passes()), (memory_kib, passes));
            assert_eq!(cost_of(&cost_bytes(cost)), Some(cost));
        }
        for (memory_kib, passes) in
            [(floor - 1, 3), (4 * 1_024 * 1_024 + 1, 3), (floor, 0), (floor, 65), (8, 1)]
        {
            assert_eq!(Cost::new(memory_kib, passes), Err(VaultError::Cost), "{memory_kib} KiB, {passes}");
        }
        // What no machine can have, or what a later version wrote, is no cost: nothing is derived for it.
        let good = cost_bytes(Cost::for_tests());
        assert_eq!(cost_of(&good), Some(Cost::for_tests()));
        for (at, byte) in
            [(0, 2), (1, 2), (2, 1), (3, 1), (4, 1), (7, 7), (8, 1), (11, 0), (11, 65), (12, 1), (15, 1)]
        {
            let mut changed = good;
            changed[at] = byte;
            assert_eq!(cost_of(&changed), None, "byte {at}");
        }
    }
}
