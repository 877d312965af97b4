//! Fetches one file over HTTP: resumes where an earlier run broke off, and checks length and digest at the end.
//!
//! A server that cannot be reached fails within seconds, so that the next source gets its turn.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_RANGE, RANGE};

use super::error::ModelError;
use super::import::{digest, each_chunk};
use super::step::{Report, Step};

/// How long a server may take to be found, and to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may stay silent.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest file taken from a server that does not say what it must be.
const MAX_BYTES: u64 = 8 << 30;

/// What is to be fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) size_bytes: u64,
    /// Digest in hex; without it there is no resuming, since two halves need not belong together.
    pub(super) sha256: Option<&'a str>,
}

/// Fetches a file to `part`, which may hold its beginning.
pub(super) fn download(wanted: Wanted<'_>, part: &Path, report: &mut Report<'_>) -> Result<(), ModelError> {
    let there = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let may_resume = wanted.sha256.is_some() && there > 0 && there <= wanted.size_bytes;
    let resumed = if may_resume { there } else { 0 };
    match attempt(wanted, part, resumed, report) {
        // The beginning was of another file; nothing is left of it.
        Err(ModelError::Digest { .. } | ModelError::Size { .. }) if resumed > 0 => {
            attempt(wanted, part, 0, report)
        }
        result => result,
    }
}

fn attempt(wanted: Wanted<'_>, part: &Path, resumed: u64, report: &mut Report<'_>) -> Result<(), ModelError> {
    if resumed < wanted.size_bytes {
        transfer(wanted, part, resumed, report)?;
    }
    let checked = check(wanted, part);
    if checked.is_err() {
        fs::remove_file(part)?;
    }
    checked
}

fn check(wanted: Wanted<'_>, part: &Path) -> Result<(), ModelError> {
    let actual = fs::metadata(part)?.len();
    if actual != wanted.size_bytes {
        return Err(ModelError::Size { what: wanted.url.to_owned(), expected: wanted.size_bytes, actual });
    }
    let Some(expected) = wanted.sha256 else { return Ok(()) };
    let actual = digest(part)?;
    if actual != expected {
        let expected = expected.to_owned();
        return Err(ModelError::Digest { what: wanted.url.to_owned(), expected, actual });
    }
    Ok(())
}

fn transfer(
    wanted: Wanted<'_>,
    part: &Path,
    resumed: u64,
    report: &mut Report<'_>,
) -> Result<(), ModelError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(SILENCE_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
        .http_status_as_error(false)
        .user_agent(concat!("diting/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent.get(wanted.url);
    if resumed > 0 {
        request = request.header(RANGE, format!("bytes={resumed}-"));
    }
    let failed = |cause| ModelError::Http { url: wanted.url.to_owned(), cause: Box::new(cause) };
    let mut response = request.call().map_err(failed)?;
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let continues = range.is_some_and(|range| range.starts_with(&format!("bytes {resumed}-")));
    let mut done = match response.status() {
        StatusCode::PARTIAL_CONTENT if continues => resumed,
        // The server does not resume, or the file is shorter than what is there: from the beginning.
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if resumed > 0 => {
            return transfer(wanted, part, 0, report);
        }
        status => return Err(ModelError::HttpStatus { url: wanted.url.to_owned(), status: status.as_u16() }),
    };
    if let Some(length) = response.body().content_length().map(|length| length + done)
        && length != wanted.size_bytes
    {
        let expected = wanted.size_bytes;
        return Err(ModelError::Size { what: wanted.url.to_owned(), expected, actual: length });
    }
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(false).open(part)?;
    file.set_len(done)?;
    io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
    let total = Some(wanted.size_bytes);
    let limit = wanted.size_bytes.min(MAX_BYTES);
    let mut written = Ok(());
    let received = each_chunk(&mut response.body_mut().as_reader(), |chunk| {
        done += chunk.len() as u64;
        if done > limit {
            return Err(io::Error::other("it is longer than it must be"));
        }
        report(Step::Transfer { done, total });
        written = file.write_all(chunk);
        // An error here only ends the loop; which one it was is looked up below.
        if written.is_err() { Err(io::Error::other("it could not be written")) } else { Ok(()) }
    });
    written?;
    received.map_err(|cause| ModelError::BrokenOff { url: wanted.url.to_owned(), received: done, cause })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use sha2::{Digest, Sha256};

    use super::*;

    /// How the server of a test behaves.
    #[derive(Clone, Copy, PartialEq)]
    enum Manner {
        /// Answers ranges.
        Resumes,
        /// Ignores ranges.
        StartsOver,
        /// Ends the connection after this many bytes of the body.
        BreaksOffAfter(usize),
        /// Has nothing.
        NotFound,
    }

    /// Serves `body` once per element of `manners`; gives its address and the ranges it was asked for.
    fn serve(body: &'static [u8], manners: Vec<Manner>) -> (String, mpsc::Receiver<Option<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/file.bin", listener.local_addr().expect("it has one"));
        let (sender, ranges) = mpsc::channel();
        thread::spawn(move || {
            for manner in manners {
                let (mut stream, _) = listener.accept().expect("somebody connects");
                let lines = BufReader::new(stream.try_clone().expect("it can be shared")).lines();
                let lines: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let range = lines.iter().find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("range: bytes=")
                        .map(|range| range.trim_end_matches('-').parse::<usize>().expect("a number"))
                });
                sender.send(range).expect("the test listens");
                let from = if manner == Manner::StartsOver { 0 } else { range.unwrap_or(0) };
                let status = match manner {
                    Manner::NotFound => "404 Not Found".to_owned(),
                    _ if from > 0 => {
                        format!(
                            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
                            body.len() - 1,
                            body.len()
                        )
                    }
                    Manner::Resumes | Manner::StartsOver | Manner::BreaksOffAfter(_) => "200 OK".to_owned(),
                };
                let rest = if manner == Manner::NotFound { &[][..] } else { &body[from..] };
                let sent = if let Manner::BreaksOffAfter(length) = manner { &rest[..length] } else { rest };
                let length = rest.len();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
                    .and_then(|()| stream.write_all(sent))
                    .expect("the client reads");
            }
        });
        (address, ranges)
    }

    const BODY: &[u8] = b"the weights of a model, or what stands for them in this test";

    fn fetch(url: &str, body: &[u8], part: &Path) -> Result<u64, ModelError> {
        let sha256 = hex::encode(Sha256::digest(body));
        let wanted = Wanted { url, size_bytes: body.len() as u64, sha256: Some(&sha256) };
        let mut last = 0;
        download(wanted, part, &mut |step| {
            if let Step::Transfer { done, .. } = step {
                assert!(done > last, "progress goes forward");
                last = done;
            }
        })?;
        assert_eq!(fs::read(part).expect("it is there"), body);
        Ok(last)
    }

    #[test]
    fn a_broken_transfer_is_resumed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = dir.path().join("file.part");
        let (url, ranges) = serve(BODY, vec![Manner::BreaksOffAfter(20), Manner::Resumes]);
        let error = fetch(&url, BODY, &part).expect_err("it breaks off");
        assert!(matches!(error, ModelError::BrokenOff { received: 20, .. }), "{error:?}");
        assert_eq!(fs::read(&part).expect("it is kept"), &BODY[..20]);
        assert_eq!(fetch(&url, BODY, &part).expect("it resumes"), BODY.len() as u64);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [None, Some(20)]);
    }

    #[test]
    fn a_server_without_ranges_is_read_from_the_beginning() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = dir.path().join("file.part");
        fs::write(&part, &BODY[..20]).expect("it is written");
        let (url, ranges) = serve(BODY, vec![Manner::StartsOver]);
        fetch(&url, BODY, &part).expect("it starts over");
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [Some(20)]);
    }

    #[test]
    fn a_beginning_of_another_file_is_thrown_away() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = dir.path().join("file.part");
        fs::write(&part, b"something else").expect("it is written");
        let (url, ranges) = serve(BODY, vec![Manner::Resumes, Manner::Resumes]);
        let sha256 = hex::encode(Sha256::digest(BODY));
        let wanted = Wanted { url: &url, size_bytes: BODY.len() as u64, sha256: Some(&sha256) };
        download(wanted, &part, &mut |_| {}).expect("the second try is whole");
        assert_eq!(fs::read(&part).expect("it is there"), BODY);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [Some(14), None]);
    }

    #[test]
    fn a_whole_part_needs_no_server() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = dir.path().join("file.part");
        fs::write(&part, BODY).expect("it is written");
        assert_eq!(fetch("http://127.0.0.1:1/", BODY, &part).expect("nothing to fetch"), 0);
    }

    #[test]
    fn other_bytes_and_other_lengths_are_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = dir.path().join("file.part");
        let (url, _ranges) = serve(BODY, vec![Manner::Resumes]);
        let other: Vec<u8> = BODY.iter().rev().copied().collect();
        assert!(matches!(fetch(&url, &other, &part), Err(ModelError::Digest { .. })));
        assert!(!part.exists(), "a wrong file is not resumed");
        let (url, _ranges) = serve(BODY, vec![Manner::Resumes]);
        assert!(matches!(fetch(&url, &BODY[..10], &part), Err(ModelError::Size { .. })));
    }

    #[test]
    fn failures_name_the_address() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = dir.path().join("file.part");
        let (url, _ranges) = serve(BODY, vec![Manner::NotFound]);
        let error = fetch(&url, BODY, &part).expect_err("there is nothing");
        assert!(error.to_string().contains(&url) && error.to_string().contains("404"), "{error}");
        let error = fetch("http://127.0.0.1:1/x", BODY, &part).expect_err("nobody listens");
        assert!(matches!(error, ModelError::Http { .. }), "{error:?}");
    }
}
