//! Twenty-four words, shown once.

use crate::output::Output;

/// Shows new words, and what they are for.
pub(crate) fn show(out: &Output, whose: &str, words: &str, what_for: &str) {
    out.block(format!("\n{whose} 24 words:\n"));
    let words: Vec<&str> = words.split(' ').collect();
    for line in numbered(&words) {
        out.line(line);
    }
    out.note(format!("\n{what_for}"));
}

/// Four columns, numbered.
fn numbered(words: &[&str]) -> Vec<String> {
    let rows = words.len().div_ceil(4);
    (0..rows)
        .map(|row| {
            let columns = (0..4).filter_map(|column| {
                let index = column * rows + row;
                words.get(index).map(|word| format!("{:>4}  {word:<10}", index + 1))
            });
            columns.collect::<String>().trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_down_the_columns() {
        let words: Vec<String> = (1..=24).map(|n| format!("word{n}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lines = numbered(&words);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "   1  word1        7  word7       13  word13      19  word19");
    }
}
