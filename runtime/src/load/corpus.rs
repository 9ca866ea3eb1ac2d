//! The files that are served: many, small, and told apart by a hash.
//!
//! A file's content follows from the seed and the file's number, so a corpus is the same wherever it is made, and no two
//! files share a body: a response that carries another file, an old buffer or a torn piece is seen by its hash.
//!
//! ```text
//! root/000/000000.bin ... root/000/000999.bin   root/001/001000.bin ...
//! ```

use super::{STEP, mix};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Files per folder: enough folders to make path lookup real work, few enough to be created at once.
const FILES_PER_FOLDER: usize = 1000;

/// Files on disk, and what a client must get for each.
#[derive(Debug, Clone)]
pub struct Corpus {
    root: PathBuf,
    files: Vec<File>,
}

/// One file of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the root, with `/` between folders and nothing in it that a URL would have to escape.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The 64-bit XXH3 hash of its content.
    pub hash: u64,
}

impl Corpus {
    /// Writes `files` files of `bytes_each` bytes below `root`, which is created where it is missing.
    pub fn create(root: &Path, files: usize, bytes_each: usize, seed: u64) -> io::Result<Self> {
        for folder in 0..files.div_ceil(FILES_PER_FOLDER) {
            fs::create_dir_all(root.join(format!("{folder:03}")))?;
        }
        let mut content = vec![0; bytes_each];
        let files = (0..files).map(|number| {
            fill(&mut content, mix(seed).wrapping_add(number as u64));
            write(root, number, &content)
        });
        Ok(Self { root: root.to_owned(), files: files.collect::<io::Result<_>>()? })
    }

    /// The same files, of a server whose folder is the one above: requests name `root`'s last part too.
    pub fn below_parent(mut self) -> Self {
        let (Some(parent), Some(name)) = (self.root.parent(), self.root.file_name()) else { return self };
        let name = name.to_string_lossy();
        self.files.iter_mut().for_each(|file| file.path = format!("{name}/{}", file.path));
        self.root = parent.to_owned();
        self
    }

    /// These files, and then as many others below the same root.
    ///
    /// # Panics
    /// Where the roots, or the numbers of files, differ.
    pub fn beside(mut self, other: Self) -> Self {
        assert_eq!((&self.root, self.files.len()), (&other.root, other.files.len()), "they are asked for in turn");
        self.files.extend(other.files);
        self
    }

    /// The folder to serve.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files, by number.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The length of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

fn write(root: &Path, number: usize, content: &[u8]) -> io::Result<File> {
    let path = format!("{:03}/{number:06}.bin", number / FILES_PER_FOLDER);
    fs::write(root.join(&path), content)?;
    Ok(File { path, bytes: content.len() as u64, hash: xxh3_64(content) })
}

/// Fills `content` with the stream that belongs to `seed`.
fn fill(content: &mut [u8], seed: u64) {
    let mut state = mix(seed ^ STEP);
    for word in content.chunks_mut(8) {
        state = state.wrapping_add(STEP);
        let bytes = mix(state).to_le_bytes();
        word.copy_from_slice(&bytes[..word.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_on_disk_has_the_hash_and_length_that_the_corpus_tells() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = Corpus::create(folder.path(), 1003, 77, 5).unwrap();
        for file in corpus.files() {
            let content = fs::read(corpus.root().join(&file.path)).unwrap();
            assert_eq!((content.len() as u64, xxh3_64(&content)), (file.bytes, file.hash), "{}", file.path);
        }
        assert_eq!(corpus.files()[1002].path, "001/001002.bin");
        assert_eq!(corpus.bytes(), 1003 * 77);
    }

    #[test]
    fn the_seed_decides_the_content_and_no_two_files_are_alike() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = Corpus::create(a.path(), 500, 9, 1).unwrap();
        assert_eq!(first.files(), Corpus::create(b.path(), 500, 9, 1).unwrap().files());
        let other = Corpus::create(b.path(), 500, 9, 2).unwrap();
        let hashes: BTreeSet<u64> = first.files().iter().chain(other.files()).map(|file| file.hash).collect();
        assert_eq!(hashes.len(), 1000);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("file");
        fs::write(&occupied, "").unwrap();
        assert!(Corpus::create(&occupied, 1, 1, 0).is_err());
    }
}
