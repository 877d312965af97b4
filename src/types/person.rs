//! Names of people who decide something, as they are kept and compared.
//!
//! **Invariant**: two names that look the same are the same.

/// Most characters of a name.
const MAX_CHARS: usize = 64;

/// A name without the white space around it, as it is kept and compared.
///
/// # Errors
/// What is wrong with it, when it is empty, longer than 64 characters, or has control characters.
pub fn person_name(text: &str) -> Result<&str, &'static str> {
    let name = text.trim();
    if name.is_empty() {
        return Err("is empty: say who it is");
    }
    if name.chars().count() > MAX_CHARS || name.chars().any(char::is_control) {
        return Err("is no name: at most 64 characters are kept");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_is_read_of_them() {
        assert_eq!(person_name(" 王\u{3000}"), Ok("王"));
        assert!(person_name(" \t").is_err() && person_name("王\n李").is_err());
        assert!(person_name(&"王".repeat(64)).is_ok() && person_name(&"王".repeat(65)).is_err());
    }
}
