//! Where things stand in a layered drawing (after Sugiyama): columns are layers, and an arc that skips layers gets a
//! place in each of them, so that it leads around the operators there.
//!
//! Within a column things are ordered by the mean place of their neighbours, sweeping forth and back a few times. That is
//! a heuristic: crossings become few, not fewest.

use super::picture::Picture;

/// How often the order is improved.
const SWEEPS: usize = 8;

/// Something that takes a place in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// An operator.
    Operator(usize),
    /// An arc that passes.
    Passing(usize),
}

/// Columns of items, and the way of each arc through them.
#[derive(Debug)]
pub(super) struct Layout {
    /// The items of each layer, from the top.
    pub(super) columns: Vec<Vec<Item>>,
}

impl Layout {
    /// Gives everything its place.
    pub(super) fn of(picture: &Picture) -> Self {
        let mut layout = Self { columns: columns(picture) };
        for sweep in 0..SWEEPS {
            layout.sweep(picture, sweep % 2 == 0);
        }
        layout
    }

    /// The column and the row of an operator.
    pub(super) fn place(&self, operator: usize) -> (usize, usize) {
        self.rows_of(Item::Operator(operator)).next().expect("every operator is in a layer")
    }

    /// The columns and rows through which an arc passes.
    pub(super) fn passes(&self, arc: usize) -> impl Iterator<Item = (usize, usize)> {
        self.rows_of(Item::Passing(arc))
    }

    fn rows_of(&self, item: Item) -> impl Iterator<Item = (usize, usize)> {
        let row = move |column: &Vec<Item>| column.iter().position(|other| *other == item);
        self.columns.iter().enumerate().filter_map(move |(i, column)| Some((i, row(column)?)))
    }

    fn sweep(&mut self, picture: &Picture, forth: bool) {
        let count = self.columns.len();
        for step in 1..count {
            let (fixed, moved) = if forth { (step - 1, step) } else { (count - step, count - step - 1) };
            let mut keyed: Vec<(f64, Item)> = self.columns[moved]
                .iter()
                .enumerate()
                .map(|(row, item)| (mean_row(picture, &self.columns[fixed], *item, forth).unwrap_or(row as f64), *item))
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.columns[moved] = keyed.into_iter().map(|(_, item)| item).collect();
        }
    }
}

fn columns(picture: &Picture) -> Vec<Vec<Item>> {
    let mut layer_of = vec![0; picture.operators.len()];
    for (layer, operators) in picture.layers.iter().enumerate() {
        operators.iter().for_each(|operator| layer_of[*operator] = layer);
    }
    let mut columns: Vec<Vec<Item>> =
        picture.layers.iter().map(|layer| layer.iter().copied().map(Item::Operator).collect()).collect();
    for (index, arc) in picture.arcs.iter().enumerate().filter(|(_, arc)| !arc.feedback) {
        for column in &mut columns[layer_of[arc.from] + 1..layer_of[arc.to]] {
            column.push(Item::Passing(index));
        }
    }
    columns
}

/// The mean row of an item's neighbours in the column beside it; none without neighbours.
fn mean_row(picture: &Picture, beside: &[Item], item: Item, forth: bool) -> Option<f64> {
    let neighbour = |other: &Item| {
        let (before, after) = if forth { (*other, item) } else { (item, *other) };
        picture.arcs.iter().enumerate().filter(|(_, arc)| !arc.feedback).any(|(index, arc)| {
            (before == Item::Operator(arc.from) || before == Item::Passing(index))
                && (after == Item::Operator(arc.to) || after == Item::Passing(index))
        })
    };
    let rows: Vec<usize> =
        beside.iter().enumerate().filter(|(_, other)| neighbour(other)).map(|(row, _)| row).collect();
    (!rows.is_empty()).then(|| rows.iter().sum::<usize>() as f64 / rows.len() as f64)
}
