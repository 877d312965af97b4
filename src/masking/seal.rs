//! The key of what was hidden, and what it seals: XChaCha20-Poly1305 with a nonce of its own for each call.
//!
//! What is sealed is bound to its call and to when that was received, so it opens nowhere else. Destroying the key file
//! destroys every original at once.

use std::fmt;
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MaskingError, Originals};
use crate::ingest::files;
use crate::types::CallId;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Bytes of the digest that tells keys apart.
const ID_BYTES: usize = 8;
/// What sealed contents begin with: their kind and its version.
const CONTENT: &[u8] = b"diting sealed 1\n";

/// The key under which originals are kept.
#[derive(Clone)]
pub struct MaskingKey {
    cipher: XChaCha20Poly1305,
    id: String,
    /// Of which, with their bytes, the nonces of contents are made.
    nonce_key: [u8; 32],
}

/// Something that only the key opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which key: a digest that says nothing about it.
    key_id: String,
    /// Used once.
    nonce: String,
    /// Ciphertext and tag.
    bytes: String,
}

impl MaskingKey {
    /// Reads the key in `path`; makes one that only this user may read when there is no such file.
    ///
    /// # Errors
    /// [`MaskingError::KeyUnreadable`], [`MaskingError::KeyDamaged`], [`MaskingError::NoRandomness`].
    pub fn open(path: &Path) -> Result<Self, MaskingError> {
        let unreadable = |source| MaskingError::KeyUnreadable { path: path.to_owned(), source };
        match fs_err::read_to_string(path) {
            Ok(text) => {
                let mut key = [0; KEY_BYTES];
                hex::decode_to_slice(text.trim(), &mut key)
                    .map_err(|_| MaskingError::KeyDamaged { path: path.to_owned() })?;
                Ok(Self::new(key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = random::<KEY_BYTES>()?;
                let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
                files::create_dir_durably(dir).map_err(unreadable)?;
                // Passes through a temporary file, which nobody else may read from its first moment on.
                files::write_durably(dir, path, format!("{}\n", hex::encode(key)).as_bytes())
                    .map_err(unreadable)?;
                tracing::info!(path = %path.display(), "a new masking key was made: keep a copy, it opens what was masked");
                Ok(Self::new(key))
            }
            Err(error) => Err(unreadable(error)),
        }
    }

    /// A key that is written nowhere.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`].
    pub fn of_process() -> Result<Self, MaskingError> {
        Ok(Self::new(random::<KEY_BYTES>()?))
    }

    fn new(key: [u8; KEY_BYTES]) -> Self {
        let digest = Sha256::digest(key);
        let (id, _) = digest.split_at(ID_BYTES);
        let nonce_key = Sha256::new().chain_update(b"nonces of contents").chain_update(key).finalize().into();
        Self { cipher: XChaCha20Poly1305::new(&Key::from(key)), id: hex::encode(id), nonce_key }
    }

    /// Seals bytes that are stored by their content: the same bytes become the same sealed bytes. The nonce is made of
    /// the bytes and of the key, so no two contents share one; whoever sees two such files learns whether they are equal.
    ///
    /// # Errors
    /// [`MaskingError::Damaged`] for more bytes than can be sealed at once.
    pub fn seal_content(&self, bytes: &[u8]) -> Result<Vec<u8>, MaskingError> {
        let digest = |bytes: &[u8]| Sha256::new().chain_update(self.nonce_key).chain_update(bytes).finalize();
        let mut nonce = [0; NONCE_BYTES];
        let made_of_both = digest(&digest(bytes));
        nonce.iter_mut().zip(made_of_both).for_each(|(byte, made)| *byte = made);
        let payload = Payload { msg: bytes, aad: CONTENT };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| MaskingError::Damaged)?;
        Ok([CONTENT, self.id.as_bytes(), &nonce, &sealed].concat())
    }

    /// Opens what [`seal_content`](Self::seal_content) sealed.
    ///
    /// # Errors
    /// [`MaskingError::WrongKey`]; [`MaskingError::Damaged`], also for bytes that were never sealed.
    pub fn unseal_content(&self, bytes: &[u8]) -> Result<Vec<u8>, MaskingError> {
        let rest = bytes.strip_prefix(CONTENT).ok_or(MaskingError::Damaged)?;
        let (id, rest) = rest.split_at_checked(self.id.len()).ok_or(MaskingError::Damaged)?;
        let (nonce, msg) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(MaskingError::Damaged)?;
        if id != self.id.as_bytes() {
            return Err(MaskingError::WrongKey);
        }
        let payload = Payload { msg, aad: CONTENT };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| MaskingError::Damaged)
    }

    /// Seals what was hidden in call `id` as received at `received_at`.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`].
    pub fn seal(
        &self,
        originals: &Originals,
        id: &CallId,
        received_at: jiff::Timestamp,
    ) -> Result<Sealed, MaskingError> {
        let text = serde_json::to_vec(originals).map_err(|_| MaskingError::Damaged)?;
        self.seal_bytes(&text, id, received_at)
    }

    /// Opens what [`seal`](Self::seal) sealed for the same call.
    ///
    /// # Errors
    /// [`MaskingError::WrongKey`], [`MaskingError::Damaged`].
    pub fn unseal(
        &self,
        sealed: &Sealed,
        id: &CallId,
        received_at: jiff::Timestamp,
    ) -> Result<Originals, MaskingError> {
        let text = self.unseal_bytes(sealed, id, received_at)?;
        serde_json::from_slice(&text).map_err(|_| MaskingError::Damaged)
    }

    /// Seals a short text that belongs to a call.
    ///
    /// # Errors
    /// [`MaskingError::NoRandomness`].
    pub fn seal_bytes(
        &self,
        text: &[u8],
        id: &CallId,
        received_at: jiff::Timestamp,
    ) -> Result<Sealed, MaskingError> {
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload { msg: text, aad: &bound_to(id, received_at) };
        // Fails only for more bytes than any call has.
        let bytes = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| MaskingError::Damaged)?;
        Ok(Sealed { key_id: self.id.clone(), nonce: hex::encode(nonce), bytes: hex::encode(bytes) })
    }

    /// Opens what [`seal_bytes`](Self::seal_bytes) sealed for the same call.
    ///
    /// # Errors
    /// [`MaskingError::WrongKey`], [`MaskingError::Damaged`].
    pub fn unseal_bytes(
        &self,
        sealed: &Sealed,
        id: &CallId,
        received_at: jiff::Timestamp,
    ) -> Result<Vec<u8>, MaskingError> {
        if sealed.key_id != self.id {
            return Err(MaskingError::WrongKey);
        }
        let mut nonce = [0; NONCE_BYTES];
        hex::decode_to_slice(&sealed.nonce, &mut nonce).map_err(|_| MaskingError::Damaged)?;
        let bytes = hex::decode(&sealed.bytes).map_err(|_| MaskingError::Damaged)?;
        let payload = Payload { msg: &bytes, aad: &bound_to(id, received_at) };
        self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| MaskingError::Damaged)
    }
}

impl fmt::Debug for MaskingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is authenticated with it: the call, and which acceptance of it.
fn bound_to(id: &CallId, received_at: jiff::Timestamp) -> Vec<u8> {
    let mut bytes = received_at.as_microsecond().to_be_bytes().to_vec();
    bytes.extend_from_slice(id.as_str().as_bytes());
    bytes
}

fn random<const N: usize>() -> Result<[u8; N], MaskingError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| MaskingError::NoRandomness)?;
    Ok(bytes)
}
