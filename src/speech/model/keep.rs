//! Brings weights in that somebody carried here, and checks what is kept against what was recorded.

use std::path::{Path, PathBuf};

use super::error::ModelError;
use super::ggml;
use super::import::{self, Product};
use super::layout::Format;
use super::manifest::{Form, is_model_name};
use super::step::{Report, Step};
use super::store::{Kept, ModelStore, Record};

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The name to keep it under; without it, the manifest's model of the same shape.
    pub name: Option<String>,
    /// The form to keep, if not the usual one of its kind.
    pub format: Option<Format>,
}

/// A model that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The name that finds it now.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What was recorded of it.
    pub record: Record,
}

/// How far a kept file can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It is what the manifest names, or was made here of what the manifest names.
    Pinned,
    /// It is what was imported; nobody else vouches for it.
    Recorded,
    /// It was put there by hand; only its structure could be checked.
    Unrecorded,
}

impl ModelStore {
    /// Makes a kept model of `input`: a ggml file, a folder or package with an export, or the detector's ONNX file.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] when it holds no such thing; [`ModelError::BadName`] when a name is needed or is not
    /// usable; [`ModelError::Io`].
    pub fn import(
        &self,
        input: &Path,
        options: &ImportOptions,
        report: &mut Report<'_>,
    ) -> Result<Imported, ModelError> {
        let taken = |name: &str| self.manifest().find(name, None).is_some();
        if let Some(name) =
            options.name.as_deref().filter(|name| !is_model_name(name) || is_taken_file(self, name))
        {
            return Err(ModelError::BadName { name: name.to_owned() });
        }
        let _lock = self.lock(|| report(Step::Waiting))?;
        let unfinished = self.unfinished("import");
        let product = import::convert(input, options.format, &unfinished, report);
        let product = product.inspect_err(|_| discard(&unfinished))?;
        let by_hand = options.name.as_deref().filter(|name| !taken(name));
        let (name, file) = if let Some(name) = by_hand {
            (name.to_owned(), format!("{name}.bin"))
        } else if let Some(found) = self.same_shape(&product, options.name.as_deref()) {
            found
        } else {
            discard(&unfinished);
            return Err(ModelError::NameNeeded { path: input.to_path_buf(), size_bytes: product.size_bytes });
        };
        let pinned = self.manifest().pins(&product.sha256)
            || (input.is_file() && self.manifest().pins(&import::digest(input)?));
        let record = Record::new(&product, &format!("import of {}", input.display()), pinned);
        let path = self.install(&unfinished, &file, &record)?;
        Ok(Imported { name, path, record })
    }

    /// Name and file of the manifest's form that has exactly this kind, form and length.
    ///
    /// Length depends on nothing but the shape of the model, and differs between shapes.
    fn same_shape(&self, product: &Product, name: Option<&str>) -> Option<(String, String)> {
        for model in self.manifest().models.iter().filter(|model| model.kind == product.kind) {
            let is_same =
                |form: &&Form| form.format == product.format && form.size_bytes == product.size_bytes;
            let Some(form) = model.forms.iter().find(is_same) else { continue };
            let is_default = model.forms.first() == Some(form);
            let full = format!("{}-{}", model.name, form.format.name());
            if name.is_none_or(|name| name == model.name || name == full) {
                return Some((if is_default { model.name.clone() } else { full }, form.file.clone()));
            }
        }
        None
    }

    /// Checks structure and digest of a kept model.
    ///
    /// # Errors
    /// [`ModelError::Digest`] when its bytes have changed; [`ModelError::Invalid`] when it is damaged;
    /// [`ModelError::Missing`].
    pub fn verify(&self, kept: &Kept) -> Result<Trust, ModelError> {
        ggml::inspect(&kept.path)?;
        let actual = import::digest(&kept.path)?;
        let Some(record) = &kept.record else {
            return Ok(if self.manifest().pins(&actual) { Trust::Pinned } else { Trust::Unrecorded });
        };
        if record.sha256 != actual {
            let expected = record.sha256.clone();
            return Err(ModelError::Digest { what: kept.path.display().to_string(), expected, actual });
        }
        Ok(if record.pinned { Trust::Pinned } else { Trust::Recorded })
    }
}

/// Whether `NAME.bin` is the file of a manifest's form under another name.
fn is_taken_file(store: &ModelStore, name: &str) -> bool {
    let file = format!("{name}.bin");
    store.manifest().models.iter().flat_map(|model| &model.forms).any(|form| form.file == file)
}

/// Removes what a failed import left; if that fails too, the next import overwrites it.
fn discard(unfinished: &Path) {
    fs_err::remove_file(unfinished).ok();
}
