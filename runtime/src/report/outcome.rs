//! The first line of every page: what came of it, as a word, a sign and a sentence.

use neurath_sim::picture::Escaped;

/// What came of what a page tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All that was promised was kept.
    Passed,
    /// Not all that must hold did.
    Failed,
    /// Nothing went wrong, and not every figure is what it is to be; that may be the machine's doing.
    Short,
}

impl Outcome {
    /// Of what must hold.
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Passed } else { Self::Failed }
    }

    /// Of what is aimed at.
    pub(crate) fn aimed(met: bool) -> Self {
        if met { Self::Passed } else { Self::Short }
    }

    /// The line, with a sentence that says more.
    pub(crate) fn line(self, sentence: &str) -> String {
        let (class, word) = match self {
            Self::Passed => ("passed", "✓ passed"),
            Self::Failed => ("failed", "✗ failed"),
            Self::Short => ("short", "△ not all targets met"),
        };
        format!("<p class=\"verdict {class}\"><b>{word}</b> <span>{}</span></p>\n", Escaped(sentence))
    }
}
