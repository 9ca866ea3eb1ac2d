//! L7: what goes is let go.

use super::{About, Debt, Owed, Property, View};
use crate::instance::Instance;
use neurath_model::id::UpdateId;

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

    fn owed(&self, view: View<'_>, owed: &mut Vec<Owed>) {
        let applied = view.instance.update_ids().filter(|u| view.net.answered.contains(*u));
        for at in applied.flat_map(|u| &view.instance.update(u).retired) {
            let operator = &view.net.cell(*at).operator;
            if operator.is_retired() && !operator.is_released() {
                owed.push(Owed::once(Debt::Release(*at)));
            }
        }
    }

    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        let Debt::Release(at) = debt else { unreachable!("L7 speaks of operators that go") };
        let retired = |u: &UpdateId| view.instance.update(*u).retired.contains(&at);
        let by = view.instance.update_ids().find(retired).map_or("", |u| &view.instance.update(u).name);
        format!("{} is never released, though `{by}` retired it", view.instance.name(at))
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
