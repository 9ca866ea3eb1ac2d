//! Which characters the words of the FBP DSL are made of, for the reader to take and the printer to check.

/// What ends a line.
pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// What JSON skips: more than the blank of the rest of the grammar.
pub(super) fn is_json_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// How operators and ports begin.
pub(super) fn is_first_of_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// How operators go on.
pub(super) fn is_node_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// How ports go on.
pub(super) fn is_port_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

/// What components are named with.
pub(super) fn is_component(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/')
}

/// What stands after the colon of a component, all in one.
pub(super) fn is_metadata(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '=' | ',')
}

/// What follows the `@`.
pub(super) fn is_annotation_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// What follows the key.
pub(super) fn is_annotation_value(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.')
}

/// Whether the text is an operator's name.
pub(super) fn names_an_operator(text: &str) -> bool {
    text.starts_with(is_first_of_name) && text.chars().all(is_node_name)
}

/// Whether the text is a port's name.
pub(super) fn names_a_port(text: &str) -> bool {
    text.starts_with(is_first_of_name) && text.chars().all(is_port_name)
}

/// Whether the text is a component's name.
pub(super) fn names_a_component(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_component)
}

/// Whether the text can be a key or a value of metadata.
pub(super) fn fits_metadata(text: &str) -> bool {
    text.chars().all(|c| is_metadata(c) && c != '=' && c != ',')
}

/// Whether the text can be an annotation's key.
pub(super) fn fits_annotation_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_annotation_key)
}

/// Whether the text can be an annotation's value: blanks before it belong to the key.
pub(super) fn fits_annotation_value(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(' ') && text.chars().all(is_annotation_value)
}
