//! Where things stand in a layered drawing (after Sugiyama): columns are layers, and an arc that skips layers gets a
//! place in each of them, so that it leads around the operators there.
//!
//! Within a column things are ordered by the mean place of their neighbours, sweeping forth and back a few times. That is
//! a heuristic: crossings become few, not fewest. Then each is drawn towards the height of its neighbours, as far as the things
//! above and below it let it: so that a chain is straight, and what passes by bends around it. Arcs as they will be draw
//! harder than arcs as they were.

use super::picture::{Line, Picture};

/// How often the order is improved, and how often the heights.
const SWEEPS: usize = 8;
const PULLS: usize = 400;

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
    /// The height of the middle of each item; the highest edge is at 0.
    pub(super) middles: Vec<Vec<f64>>,
    /// The height of the lowest edge.
    pub(super) bottom: f64,
}

/// What draws an item: another, how much lower than that it would be, and how hard it draws.
#[derive(Debug, Clone, Copy)]
struct Tie {
    column: usize,
    row: usize,
    apart: f64,
    weight: f64,
}

/// Where an item would be, and how much it wants that.
#[derive(Debug, Clone, Copy)]
struct Wish {
    middle: f64,
    weight: f64,
}

impl Layout {
    /// Gives everything its place; `height` is how much each item takes, its distance to others included.
    pub(super) fn of(picture: &Picture, height: impl Fn(Item) -> f64) -> Self {
        let mut layout = Self { columns: columns(picture), middles: Vec::new(), bottom: 0.0 };
        for sweep in 0..SWEEPS {
            layout.sweep(picture, sweep % 2 == 0);
        }
        layout.pair(picture);
        layout.settle(picture, height, |_| (0.0, 0.0));
        layout
    }

    /// Draws everything towards its neighbours. `ports` is how far from the middles an arc leaves and enters.
    pub(super) fn settle(
        &mut self,
        picture: &Picture,
        height: impl Fn(Item) -> f64,
        ports: impl Fn(usize) -> (f64, f64),
    ) {
        let heights: Vec<Vec<f64>> =
            self.columns.iter().map(|column| column.iter().map(|item| height(*item)).collect()).collect();
        self.middles = heights
            .iter()
            .map(|heights| stacked(heights, &vec![Wish { middle: 0.0, weight: 1.0 }; heights.len()]))
            .collect();
        let count = self.columns.len();
        let ties = self.ties(picture, ports);
        for pull in 0..PULLS {
            for step in 0..count {
                let column = if pull % 2 == 0 { step } else { count - 1 - step };
                let rows = ties[column].iter().zip(&self.middles[column]);
                let wishes: Vec<Wish> = rows.map(|(ties, is)| self.wish(ties, *is)).collect();
                self.middles[column] = stacked(&heights[column], &wishes);
            }
        }
        self.shift(&heights);
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

    /// An operator that takes over another's state stands above it, where they share a column.
    fn pair(&mut self, picture: &Picture) {
        for hand_over in &picture.hand_overs {
            let ((column, from), (other, _)) = (self.place(hand_over.from), self.place(hand_over.to));
            if column == other {
                let item = self.columns[column].remove(from);
                let to = self.place(hand_over.to).1;
                self.columns[column].insert(to + 1, item);
            }
        }
    }

    /// Where an item's ties draw it; without any, it would rather stay.
    fn wish(&self, ties: &[Tie], is: f64) -> Wish {
        let weight: f64 = ties.iter().map(|tie| tie.weight).sum();
        let at = |tie: &Tie| (self.middles[tie.column][tie.row] + tie.apart) * tie.weight;
        match ties {
            [] => Wish { middle: is, weight: 1.0 },
            ties => Wish { middle: ties.iter().map(at).sum::<f64>() / weight, weight },
        }
    }

    /// For each item, what it is tied to.
    fn ties(&self, picture: &Picture, ports: impl Fn(usize) -> (f64, f64)) -> Vec<Vec<Vec<Tie>>> {
        let mut ties: Vec<Vec<Vec<Tie>>> = self.columns.iter().map(|column| vec![Vec::new(); column.len()]).collect();
        for (index, arc) in picture.arcs.iter().enumerate().filter(|(_, arc)| !arc.backward) {
            let (leaves, enters) = ports(index);
            let start = std::iter::once((self.place(arc.from), leaves));
            let through = self.passes(index).map(|place| (place, 0.0));
            let way: Vec<((usize, usize), f64)> = start.chain(through).chain([(self.place(arc.to), enters)]).collect();
            let weight = weight(arc, way.len() > 2);
            for pair in way.windows(2) {
                let [((column, row), port), ((next, next_row), next_port)] = [pair[0], pair[1]];
                let apart = next_port - port;
                ties[column][row].push(Tie { column: next, row: next_row, apart, weight });
                ties[next][next_row].push(Tie { column, row, apart: -apart, weight });
            }
        }
        ties
    }

    /// So that the highest edge is at 0.
    fn shift(&mut self, heights: &[Vec<f64>]) {
        let edges = |sign: f64| {
            let of = |(middles, heights): (&Vec<f64>, &Vec<f64>)| -> Vec<f64> {
                middles.iter().zip(heights).map(|(middle, height)| middle + sign * height / 2.0).collect()
            };
            self.middles.iter().zip(heights).flat_map(of).collect::<Vec<f64>>()
        };
        let top = edges(-1.0).into_iter().fold(f64::INFINITY, f64::min);
        let bottom = edges(1.0).into_iter().fold(f64::NEG_INFINITY, f64::max);
        self.middles.iter_mut().flatten().for_each(|middle| *middle -= top);
        self.bottom = bottom - top;
    }
}

/// How hard an arc draws: what is there afterwards harder than what was, and next neighbours harder than far ones.
fn weight(arc: &Line, skips: bool) -> f64 {
    match (arc.course.is_after(), skips) {
        (true, false) => 8.0,
        (true, true) => 2.0,
        (false, false) => 2.0,
        (false, true) => 0.5,
    }
}

/// Places things of these heights on one another, in order, each as near to where it is wished as they let it: the least sum of
/// squares, by pooling neighbours that would overlap. As the sum over all columns only ever gets smaller, pulling comes to rest.
fn stacked(heights: &[f64], wishes: &[Wish]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::new();
    for (i, height) in heights.iter().enumerate() {
        offset += if i == 0 { 0.0 } else { (heights[i - 1] + height) / 2.0 };
        offsets.push(offset);
    }
    // Each pool: what its members wish for the first of all, and how many they are.
    let mut pools: Vec<(Wish, usize)> = Vec::new();
    for (wish, offset) in wishes.iter().zip(&offsets) {
        let (mut pool, mut count) = (Wish { middle: wish.middle - offset, ..*wish }, 1);
        while let Some((above, others)) = pools.pop_if(|(above, _)| above.middle > pool.middle) {
            pool = above.with(pool);
            count += others;
        }
        pools.push((pool, count));
    }
    let starts = pools.into_iter().flat_map(|(pool, count)| std::iter::repeat_n(pool.middle, count));
    starts.zip(offsets).map(|(start, offset)| start + offset).collect()
}

impl Wish {
    fn with(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        Self { middle: (self.middle * self.weight + other.middle * other.weight) / weight, weight }
    }
}

fn columns(picture: &Picture) -> Vec<Vec<Item>> {
    let mut layer_of = vec![0; picture.operators.len()];
    for (layer, operators) in picture.layers.iter().enumerate() {
        operators.iter().for_each(|operator| layer_of[*operator] = layer);
    }
    let mut columns: Vec<Vec<Item>> =
        picture.layers.iter().map(|layer| layer.iter().copied().map(Item::Operator).collect()).collect();
    for (index, arc) in picture.arcs.iter().enumerate().filter(|(_, arc)| !arc.backward) {
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
        picture.arcs.iter().enumerate().filter(|(_, arc)| !arc.backward).any(|(index, arc)| {
            (before == Item::Operator(arc.from) || before == Item::Passing(index))
                && (after == Item::Operator(arc.to) || after == Item::Passing(index))
        })
    };
    let rows: Vec<usize> =
        beside.iter().enumerate().filter(|(_, other)| neighbour(other)).map(|(row, _)| row).collect();
    (!rows.is_empty()).then(|| rows.iter().sum::<usize>() as f64 / rows.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_stand_where_they_are_wished_unless_they_would_overlap() {
        let at = |heights: &[f64], middles: &[f64]| {
            let wishes: Vec<Wish> = middles.iter().map(|&middle| Wish { middle, weight: 1.0 }).collect();
            stacked(heights, &wishes)
        };
        assert_eq!(at(&[10.0, 10.0], &[0.0, 50.0]), [0.0, 50.0]);
        assert_eq!(at(&[10.0, 10.0], &[0.0, 0.0]), [-5.0, 5.0]);
        assert_eq!(at(&[10.0, 30.0, 10.0], &[5.0, 5.0, 5.0]), [-15.0, 5.0, 25.0]);
    }
}
