//! A backup file as it lies on a stick: chunks under a key that a passphrase or twelve recovery words open.
//!
//! The file is [`HEAD_BYTES`] of salt and masked cost, then chunks of [`SEALED_CHUNK_BYTES`], the last one marked as the
//! last inside its seal. Every byte looks random; chunks cannot be left out, swapped, repeated or cut off unnoticed.

use std::fmt;

use aead_stream::{DecryptorBE32, EncryptorBE32, StreamBE32};
use argon2::{Algorithm, Argon2, Params, Version};
use bip39::{Language, Mnemonic};
use chacha20poly1305::ChaCha20Poly1305;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::hash::{derive, hash};
use crate::key::{Secret, Secret32};
use crate::vault::{Cost, VaultError};

/// Length of what stands before the chunks: salt 32, masked cost 16.
pub const HEAD_BYTES: usize = 48;

/// What a chunk carries.
pub const CHUNK_BYTES: usize = 65_536;

/// Length of a chunk in the file.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + 16;

/// Words that are drawn for a backup: 128 random bits.
pub const RECOVERY_WORDS: usize = 12;

/// Why a backup does not open or cannot be made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BackupError {
    /// The length or the cost cannot be those of a backup.
    #[error("this is no backup, or a part of it is missing; take another copy of it")]
    NotABackup,
    /// The first chunk does not open.
    #[error("this passphrase or these words do not open the backup; check them, letter by letter")]
    WrongSecret,
    /// All are words of the list, but together they cannot be right.
    #[error("one of the recovery words is wrong, or two are exchanged; compare them with what was noted")]
    WrongWords,
    /// A later chunk does not open, or the end is missing.
    #[error("the backup is damaged or was cut short; take another copy of it")]
    Damaged,
    /// The derivation could not get its memory, or its cost is out of bounds.
    #[error("{0}")]
    Vault(VaultError),
}

impl From<VaultError> for BackupError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NotAKeyFile => Self::NotABackup,
            other => Self::Vault(other),
        }
    }
}

/// What opens a backup, in the one form that is stretched.
#[derive(Clone)]
pub struct BackupSecret(Zeroizing<Vec<u8>>);

impl BackupSecret {
    /// Takes what a person typed. Twelve words of the English or Korean list mean recovery words, however they are
    /// spaced, capitalised or composed; everything else is a passphrase, taken as it is.
    ///
    /// # Errors
    /// [`BackupError::WrongWords`] for twelve words of one list that do not belong together.
    pub fn typed(text: &str) -> Result<Self, BackupError> {
        let lower =
            Zeroizing::new(text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" "));
        if lower.split(' ').count() == RECOVERY_WORDS {
            for language in LANGUAGES {
                match Mnemonic::parse_in(language, lower.as_str()) {
                    Ok(words) => return Ok(Self(canonical(&words))),
                    Err(bip39::Error::InvalidChecksum) => return Err(BackupError::WrongWords),
                    Err(_) => {}
                }
            }
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }

    /// Draws recovery words, in Korean or in English. Returns them for the person to note, one space between them.
    pub fn words(korean: bool, rng: &mut dyn CryptoRng) -> (Zeroizing<String>, Self) {
        let entropy: Secret<16> = Secret::random(rng);
        let language = if korean { Language::Korean } else { Language::English };
        let words =
            Mnemonic::from_entropy_in(language, entropy.as_bytes()).expect("128 bits are twelve words");
        let text = Zeroizing::new(words.words().collect::<Vec<_>>().join(" "));
        (text, Self(canonical(&words)))
    }
}

impl fmt::Debug for BackupSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupSecret")
    }
}

/// Seals chunk after chunk.
pub struct Sealer(EncryptorBE32<ChaCha20Poly1305>);

impl Sealer {
    /// Begins a backup. Returns the head of the file.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the derivation cannot get its memory.
    pub fn new(
        secret: &BackupSecret,
        cost: Cost,
        rng: &mut dyn CryptoRng,
    ) -> Result<([u8; HEAD_BYTES], Self), BackupError> {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let mut head = [0; HEAD_BYTES];
        head[..32].copy_from_slice(&salt);
        head[32..].copy_from_slice(&mask(&salt, &cost_bytes(cost)));
        let key = stretch(&head, cost, secret)?;
        let seal = EncryptorBE32::from_stream_primitive(stream(&key));
        Ok((head, Self(seal)))
    }

    /// Seals a chunk that others follow, in place: [`CHUNK_BYTES`] become [`SEALED_CHUNK_BYTES`].
    ///
    /// # Panics
    /// If the chunk has another length, or after 2³² of them.
    pub fn next(&mut self, chunk: &mut Vec<u8>) {
        assert_eq!(chunk.len(), CHUNK_BYTES, "chunks are filled up");
        self.0.encrypt_next_in_place(&[], chunk).expect("no backup has 2^32 chunks");
    }

    /// Seals the last chunk, in place.
    ///
    /// # Panics
    /// As [`Sealer::next`].
    pub fn last(self, chunk: &mut Vec<u8>) {
        assert_eq!(chunk.len(), CHUNK_BYTES, "chunks are filled up");
        self.0.encrypt_last_in_place(&[], chunk).expect("a chunk is far below the cipher's limit");
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Opens chunk after chunk.
pub struct Opener {
    open: DecryptorBE32<ChaCha20Poly1305>,
    key: Secret32,
    begun: bool,
}

impl Opener {
    /// Begins to read a backup.
    ///
    /// # Errors
    /// [`BackupError::NotABackup`] for an impossible cost, before anything is derived; [`BackupError::Vault`].
    pub fn new(head: &[u8; HEAD_BYTES], secret: &BackupSecret) -> Result<Self, BackupError> {
        let (salt, masked) = head.split_first_chunk::<32>().expect("a head is longer than its salt");
        let masked = masked.try_into().expect("the cost is 16 bytes");
        let cost = cost_of(&mask(salt, masked)).ok_or(BackupError::NotABackup)?;
        let key = stretch(head, cost, secret)?;
        Ok(Self { open: DecryptorBE32::from_stream_primitive(stream(&key)), key, begun: false })
    }

    /// Opens a chunk that others follow, in place.
    ///
    /// # Errors
    /// [`BackupError::WrongSecret`] for the first chunk, [`BackupError::Damaged`] for a later one.
    pub fn next(&mut self, chunk: &mut Vec<u8>) -> Result<(), BackupError> {
        if self.open.decrypt_next_in_place(&[], chunk).is_err() {
            chunk.zeroize();
            return Err(if self.begun { BackupError::Damaged } else { BackupError::WrongSecret });
        }
        self.begun = true;
        Ok(())
    }

    /// Opens the last chunk, in place.
    ///
    /// # Errors
    /// As [`Opener::next`]; [`BackupError::Damaged`] if it is a good chunk that others should follow.
    pub fn last(self, chunk: &mut Vec<u8>) -> Result<(), BackupError> {
        let mut sealed = Zeroizing::new(chunk.clone());
        if self.open.decrypt_last_in_place(&[], chunk).is_ok() {
            return Ok(());
        }
        chunk.zeroize();
        let mut first = DecryptorBE32::from_stream_primitive(stream(&self.key));
        let was_first = first.decrypt_next_in_place(&[], &mut *sealed).is_ok();
        Err(if self.begun || was_first { BackupError::Damaged } else { BackupError::WrongSecret })
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

const LANGUAGES: [Language; 2] = [Language::English, Language::Korean];

/// The words as they are stretched: in Unicode's decomposed form, as the list has them, one space between them.
fn canonical(words: &Mnemonic) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(words.words().collect::<Vec<_>>().join(" ").into_bytes())
}

/// The key of one file: salt and cost are part of it.
fn stretch(head: &[u8; HEAD_BYTES], cost: Cost, secret: &BackupSecret) -> Result<Secret32, VaultError> {
    let params = Params::new(cost.memory_kib(), cost.passes(), 1, Some(32)).map_err(|_| VaultError::Cost)?;
    let mut stretched = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(&secret.0, &head[..32], stretched.as_mut_slice())
        .map_err(|error| match error {
            argon2::Error::OutOfMemory => VaultError::OutOfMemory,
            _ => VaultError::Cost,
        })?;
    let stretched: Secret32 = derive("M1/backup/kek/1", &Secret::new(*stretched), &[]);
    Ok(derive("M1/backup/key/1", &stretched, &[head]))
}

const COST_BYTES: usize = 16;

/// Version, one lane, two zeros, memory, passes, four zeros: as in a key file.
fn cost_bytes(cost: Cost) -> [u8; COST_BYTES] {
    let mut bytes = [0; COST_BYTES];
    bytes[..2].copy_from_slice(&[1, 1]);
    bytes[4..8].copy_from_slice(&cost.memory_kib().to_be_bytes());
    bytes[8..12].copy_from_slice(&cost.passes().to_be_bytes());
    bytes
}

fn cost_of(bytes: &[u8; COST_BYTES]) -> Option<Cost> {
    let number = |at: usize| bytes[at..at + 4].try_into().ok().map(u32::from_be_bytes);
    let (memory, passes) = (number(4)?, number(8)?);
    let tests = Cost::for_tests();
    let cost = match (memory, passes) == (tests.memory_kib(), tests.passes()) {
        true => tests,
        false => Cost::new(memory, passes).ok()?,
    };
    (cost_bytes(cost) == *bytes).then_some(cost)
}

fn mask(salt: &[u8; 32], bytes: &[u8; COST_BYTES]) -> [u8; COST_BYTES] {
    let stream = hash("M1/backup/cost/1", &[salt]);
    std::array::from_fn(|at| bytes[at] ^ stream[at])
}

/// STREAM by Hoang, Reyhanitabar, Rogaway and Vizár. A key seals one file, so the rest of the nonce is zeros.
fn stream(key: &Secret32) -> StreamBE32<ChaCha20Poly1305> {
    use aead_stream::NewStream;
    StreamBE32::new(key.as_bytes().into(), &Default::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    fn sealed(secret: &BackupSecret, chunks: u8) -> (Vec<u8>, Vec<Vec<u8>>) {
        let rng = &mut ChaCha20Rng::from_seed([7; 32]);
        let (head, mut sealer) = Sealer::new(secret, Cost::for_tests(), rng).expect("little memory");
        let mut all: Vec<Vec<u8>> = (0..chunks).map(|byte| vec![byte; CHUNK_BYTES]).collect();
        let (last, rest) = all.split_last_mut().expect("a chunk");
        rest.iter_mut().for_each(|chunk| sealer.next(chunk));
        sealer.last(last);
        (head.to_vec(), all)
    }

    fn open(secret: &BackupSecret, head: &[u8], chunks: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackupError> {
        let mut opener = Opener::new(head.try_into().expect("a head"), secret)?;
        let mut all = chunks.to_vec();
        let (last, rest) = all.split_last_mut().expect("a chunk");
        rest.iter_mut().try_for_each(|chunk| opener.next(chunk))?;
        opener.last(last)?;
        Ok(all)
    }

    fn typed(text: &str) -> BackupSecret {
        BackupSecret::typed(text).expect("fine")
    }

    #[test]
    fn chunks_open_in_their_order_and_to_their_end_only() {
        let secret = typed("a plank over the stream");
        let (head, chunks) = sealed(&secret, 3);
        assert!(chunks.iter().all(|chunk| chunk.len() == SEALED_CHUNK_BYTES));
        let opened = open(&secret, &head, &chunks).expect("whole");
        assert_eq!(opened, [vec![0; CHUNK_BYTES], vec![1; CHUNK_BYTES], vec![2; CHUNK_BYTES]]);
        let [a, b, c] = [&chunks[0], &chunks[1], &chunks[2]].map(Clone::clone);
        for wrong in [
            vec![a.clone(), b.clone()],
            vec![a.clone()],
            vec![a.clone(), c.clone()],
            vec![a.clone(), c.clone(), b.clone()],
            vec![a.clone(), b, c.clone(), c],
        ] {
            assert_eq!(open(&secret, &head, &wrong), Err(BackupError::Damaged));
        }
        assert_eq!(open(&secret, &head, &chunks[1..]), Err(BackupError::WrongSecret));
        assert_eq!(open(&typed("another"), &head, &chunks), Err(BackupError::WrongSecret));
        assert_eq!(open(&typed("another"), &head, &chunks[..1]), Err(BackupError::WrongSecret));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let secret = typed("a plank over the stream");
        let (head, chunks) = sealed(&secret, 2);
        for at in 0..HEAD_BYTES {
            let mut changed = head.clone();
            changed[at] ^= 1 << (at % 8);
            let error = open(&secret, &changed, &chunks).expect_err("noticed");
            assert!(matches!(error, BackupError::WrongSecret | BackupError::NotABackup), "{at}: {error}");
        }
        for at in (0..SEALED_CHUNK_BYTES).step_by(9_973).chain([SEALED_CHUNK_BYTES - 1]) {
            for chunk in 0..2 {
                let mut changed = chunks.clone();
                changed[chunk][at] ^= 0x10;
                assert!(open(&secret, &head, &changed).is_err(), "byte {at} of chunk {chunk}");
            }
        }
    }

    #[test]
    fn recovery_words_open_however_they_are_typed_and_a_slip_is_told() {
        for korean in [false, true] {
            let rng = &mut ChaCha20Rng::from_seed([u8::from(korean); 32]);
            let (words, secret) = BackupSecret::words(korean, rng);
            assert_eq!(words.split(' ').count(), RECOVERY_WORDS);
            let (head, chunks) = sealed(&secret, 1);
            let composed: String = unicode_normalization::UnicodeNormalization::nfc(words.as_str()).collect();
            for text in [words.to_string(), composed.replace(' ', "\n  "), words.to_uppercase()] {
                assert!(open(&typed(&text), &head, &chunks).is_ok(), "{korean}");
            }
            let mut exchanged: Vec<&str> = words.split(' ').collect();
            exchanged.swap(0, 1);
            let slips = (1..12).map(|at| {
                let mut words = exchanged.clone();
                words.swap(0, at);
                BackupSecret::typed(&words.join(" "))
            });
            // One in sixteen slips is not noticed by the words themselves; then the backup does not open.
            assert!(slips.filter(|slip| matches!(slip, Err(BackupError::WrongWords))).count() >= 6);
        }
    }

    #[test]
    fn words_open_their_own_backup_and_no_other() {
        let draw = |korean, seed| BackupSecret::words(korean, &mut ChaCha20Rng::from_seed([seed; 32]));
        let ((words, secret), (others, _)) = (draw(false, 1), draw(false, 2));
        let (head, chunks) = sealed(&secret, 1);
        assert!(open(&typed(&words), &head, &chunks).is_ok());
        assert_eq!(open(&typed(&others), &head, &chunks), Err(BackupError::WrongSecret));
        // The same random bits in another language are other words.
        let (korean, _) = draw(true, 1);
        assert_eq!(open(&typed(&korean), &head, &chunks), Err(BackupError::WrongSecret));
    }

    #[test]
    fn anything_else_is_a_passphrase_as_it_is() {
        let (head, chunks) = sealed(&typed("Two  Words"), 1);
        assert!(open(&typed("Two  Words"), &head, &chunks).is_ok());
        assert_eq!(open(&typed("two words"), &head, &chunks), Err(BackupError::WrongSecret));
    }
}
