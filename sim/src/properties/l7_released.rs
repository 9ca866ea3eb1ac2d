//! L7: what goes is let go.

use super::{About, Property, View};
use crate::instance::Instance;

/// L7. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct L7;

impl Property for L7 {
    const ABOUT: About = About {
        code: "L7",
        name: "released",
        sentence: "Every operator that an applied update retires is released in the end.",
        source: "paper, figure 5.12: the deleted subgraph is gone",
        witness: "an operator that retires has not been released yet",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        let applied = view.instance.update_ids().filter(|u| view.net.answered.contains(*u));
        for deployment in applied.map(|u| view.instance.update(u)) {
            let retired = deployment.retired.iter().copied().filter(|at| view.net.cell(*at).operator.is_retired());
            if let Some(at) = retired.into_iter().find(|at| !view.net.cell(*at).operator.is_released()) {
                return Err(format!(
                    "{} is never released, though `{}` retired it",
                    view.instance.name(at),
                    deployment.name
                ));
            }
        }
        Ok(())
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.cells.iter().any(|cell| cell.operator.is_retired() && !cell.operator.is_released())
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn an_operator_that_is_never_released_is_found() {
        let sound = teeth::buffer_goes();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::NeverReleased)), "L7");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&sound, "L7");
    }
}
