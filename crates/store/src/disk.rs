//! The files the log stands on: one flat folder, seen through a trait so that tests can cut its power.

mod model;
mod real;

pub use model::ModelDisk;
pub use real::RealDisk;

use std::fs::File;
use std::io;

/// One flat folder of files.
pub trait Disk: Send + Sync {
    /// Opens a file that exists, for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it does not exist, or whatever the disk reports.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Makes an empty file. Its name is durable only after [`Disk::sync_names`].
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if it exists, or whatever the disk reports.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// The names of all files, sorted.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Removes a file.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file a second name.
    ///
    /// # Errors
    /// Whatever the disk reports; some file systems cannot.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the names durable.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn sync_names(&self) -> io::Result<()>;

    /// Keeps others from replacing or wiping the key file until what it returns is dropped.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn hold(&self) -> io::Result<Option<File>> {
        Ok(None)
    }
}

/// One open file.
pub trait DiskFile: Send + Sync {
    /// Reads at a place until `buffer` is full or the file ends; returns how many bytes were read.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all bytes at a place. They are durable only after [`DiskFile::sync`].
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes contents and length durable.
    ///
    /// # Errors
    /// Whatever the disk reports; nothing may then be assumed about earlier writes.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds nothing.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts or extends the file. Durable only after [`DiskFile::sync`].
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
}
