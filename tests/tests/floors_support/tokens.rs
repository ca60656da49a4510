//! Paths where no parser knows what stands: in what macros are given, and in texts of attributes.

use super::Mention;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The paths in what a macro is given, or in a macro's own rules (`$crate::x::y` likewise).
pub(crate) fn paths(tokens: &TokenStream) -> Vec<Mention> {
    let mut found = Vec::new();
    scan(tokens, &[], &mut found);
    found
}

/// `before` stands before each path in it: in `a::{b, c}` the group's is `a`.
fn scan(tokens: &TokenStream, before: &[String], found: &mut Vec<Mention>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) => scan(&group.stream(), &[], found),
            TokenTree::Ident(first) if begins(&tokens, at) => {
                let line = first.span().start().line;
                let mut path = [before, &[first.to_string()]].concat();
                while is_colons(&tokens, at + 1) {
                    match tokens.get(at + 3) {
                        Some(TokenTree::Ident(next)) => path.push(next.to_string()),
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                            scan(&group.stream(), &path, found);
                        }
                        _ => break,
                    }
                    at += 3;
                }
                // By itself a keyword stands before a group, or says who may see something.
                if path.len() > 1 || !["crate", "self", "super"].contains(&path[0].as_str()) {
                    found.push(Mention { path, line });
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Whether a path may begin at a name: not after a dot, a lifetime's mark, or colons.
fn begins(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    match before {
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => {
            !at.checked_sub(2).is_some_and(|colons| is_colons(tokens, colons))
        }
        Some(TokenTree::Punct(punct)) => !matches!(punct.as_char(), '.' | '\''),
        _ => true,
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// The items that are defined in what a macro is given.
pub(crate) fn defined(tokens: &TokenStream) -> Vec<String> {
    const KEYWORDS: [&str; 8] =
        ["const", "enum", "fn", "static", "struct", "trait", "type", "union"];
    let mut found = Vec::new();
    let mut keyword = false;
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(name) => {
                if keyword {
                    found.push(name.to_string());
                }
                keyword = KEYWORDS.iter().any(|keyword| name == keyword);
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                found.extend(defined(&group.stream()));
                keyword = false;
            }
            _ => keyword = false,
        }
    }
    found
}

/// Paths that stand in texts.
pub(crate) fn texts(tokens: &TokenStream) -> Vec<Mention> {
    let literals = tokens.clone().into_iter().filter_map(|token| match token {
        TokenTree::Literal(literal) => Some(literal),
        _ => None,
    });
    literals
        .filter_map(|literal| {
            let line = literal.span().start().line;
            let text = syn::parse2::<syn::LitStr>(TokenTree::from(literal).into()).ok()?;
            let path: syn::Path = text.parse().ok()?;
            let path: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            (path.len() > 1).then_some(Mention { path, line })
        })
        .collect()
}
