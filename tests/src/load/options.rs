//! What a run is asked to do.

use std::path::{Path, PathBuf};

/// Entries of enrolled patients, unless another size is said.
const SIZE: usize = 10_000;
/// Where a folder of FHIR resources is looked for, from the project's root, unless another is named.
const FHIR: &str = "../shared/data/fhir";

/// The parts of a run, in their order. The first always runs: the others need what it stores.
pub const PARTS: [&str; 6] = ["import", "entry", "reads", "files", "patient", "footprint"];

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Entries of enrolled patients that are stored before the rest is measured.
    pub size: usize,
    /// A folder of FHIR Bundles, each a life.
    pub fhir: Option<PathBuf>,
    /// What all that is made follows from.
    pub seed: u64,
    /// The parts that run.
    pub parts: Vec<&'static str>,
    /// Where the nodes' folders are made; a temporary folder otherwise.
    pub root: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { size: SIZE, fhir: None, seed: 1, parts: PARTS.to_vec(), root: None }
    }
}

impl Options {
    /// From the words of a command line, such as `100000 --fhir DIR --only import,entry`.
    ///
    /// # Errors
    /// What cannot be understood, in words.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FHIR);
        let mut options =
            Self { fhir: Some(beside).filter(|folder| folder.is_dir()), ..Self::default() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                // Cargo says it to every bench.
                "--bench" => {}
                "--fhir" => options.fhir = Some(value()?.into()),
                "--root" => options.root = Some(value()?.into()),
                "--seed" => options.seed = number(&value()?)?,
                "--only" => options.parts = parts(&value()?)?,
                size => options.size = usize::try_from(number(size)?).map_err(|e| e.to_string())?,
            }
        }
        match options.size {
            0 => Err("a size is one entry at least".to_owned()),
            _ => Ok(options),
        }
    }

    /// Whether a part runs.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        self.parts.contains(&part)
    }

    /// A count of something at full size, for a run that is smaller than that: at least `least`.
    #[must_use]
    pub fn scaled(&self, full: usize, least: usize) -> usize {
        (full / SIZE.div_ceil(self.size.min(SIZE))).max(least)
    }
}

fn number(word: &str) -> Result<u64, String> {
    let digits: String = word.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    digits.parse().map_err(|_| {
        format!(
            "{word}: a size such as 100000, --fhir DIR, --root DIR, --seed N or --only PART,PART"
        )
    })
}

fn parts(list: &str) -> Result<Vec<&'static str>, String> {
    let known = |name: &str| {
        let part = PARTS.iter().copied().find(|part| *part == name);
        part.ok_or_else(|| format!("there is no part {name}; there are {}", PARTS.join(", ")))
    };
    list.split(',').map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, String> {
        Options::read(words.iter().map(|&word| word.to_owned()))
    }

    #[test]
    fn a_size_and_parts_are_read_and_nonsense_is_refused() {
        let options =
            read(&["--bench", "100_000", "--only", "import,reads", "--seed", "7"]).unwrap();
        assert_eq!((options.size, options.seed), (100_000, 7));
        assert!(options.has("reads") && !options.has("patient"));
        assert_eq!(read(&[]).unwrap().parts, PARTS);
        for wrong in [&["much"][..], &["0"], &["--only", "all"], &["--fhir"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_small_run_does_less_and_a_large_one_no_more_than_what_is_asked_of_all() {
        let of = |size| Options { size, ..Options::default() };
        assert_eq!(of(10_000).scaled(12_000, 1), 12_000);
        assert_eq!(of(1_000_000).scaled(12_000, 1), 12_000);
        assert_eq!(of(100).scaled(12_000, 1), 120);
        assert_eq!(of(1).scaled(200, 5), 5);
    }
}
