//! The order of a plan's changes as pictures: one for each group of changes that depend on each
//! other, with the first changes on the left.

use maud::{Markup, html};

use super::change::tone;
use super::page::section;
use crate::escape::escaped;
use crate::plan::{Change, Plan};
use crate::render::view::order::{MAX_NODES, Order, OrderGroup};
use crate::render::words;

/// The width of a node, in pixels.
const WIDTH: usize = 190;
/// The height of a node, in pixels.
const HEIGHT: usize = 46;
/// The gap between nodes of different ranks, in pixels.
const GAP_X: usize = 40;
/// The gap between nodes of the same rank, in pixels.
const GAP_Y: usize = 12;
/// The maximum width of a text in a node, in columns of a font with a fixed width.
const COLUMNS: usize = 21;
/// The number of passes that put changes near those that they wait for.
const SWEEPS: usize = 4;

/// Returns the section with the order of a plan; nothing if no change waits for another one.
pub(super) fn order(plan: &Plan, level: u8) -> Markup {
    let order = Order::of(plan, MAX_NODES);
    if order.groups.is_empty() {
        return html! {};
    }
    let body = html! {
        p.why { "An arrow leads from a change to those that wait for it." }
        ul.graphs {
            @for group in &order.groups { (picture(group)) }
        }
        @if let Some(cut) = order.cut() { p.why { (cut) } }
    };
    section(level, "Order", &body)
}

fn picture(group: &OrderGroup<'_>) -> Markup {
    let layout = Layout::of(group);
    let (width, height) = layout.size();
    let label = label(group);
    // Two ranks fit a phone; a wider picture is scrolled there.
    let style = (layout.ranks.len() > 2).then(|| format!("min-width:{}px", width * 4 / 5));
    let (focus, role) = style.is_some().then_some(("0", "group")).unzip();
    let view = format!("0 0 {width} {height}");
    let picture = html! {
        svg.order role="img" aria-label=(label) width=(width) height=(height) viewBox=(view)
            style=[style] {
            @for route in &layout.routes { (arrow(&layout, route)) }
            @for (index, node) in group.nodes.iter().enumerate() {
                (box_of(node.change, layout.corner(index)))
            }
        }
    };
    html! {
        li {
            div.scroll tabindex=[focus] role=[role] aria-label=[role.map(|_| &label)] { (picture) }
        }
    }
}

/// Returns the order of a group as a sentence.
fn label(group: &OrderGroup<'_>) -> String {
    let address = |index: usize| words::address(&group.nodes[index].change.address);
    let edges = group.edges.iter();
    let edges =
        edges.map(|&(first, then)| format!("{} waits for {}", address(then), address(first)));
    words::joined(edges)
}

/// Returns the box of a change, with its top left corner.
fn box_of(change: &Change, (x, y): (usize, usize)) -> Markup {
    let kind = change.action.kind();
    let identity = &change.identity;
    let full = format!("{} {}", words::address(&change.address), kind.phrase());
    let below = format!("@{} · {}", identity.version, kind.as_str());
    html! {
        g.node.(tone(kind).class()) {
            title { (full) }
            rect x=(x) y=(y) width=(WIDTH) height=(HEIGHT) rx="6" {}
            text.name x=(x + 28) y=(y + 20) { (fitting(identity.name.as_str())) }
            text.below x=(x + 28) y=(y + 36) { (fitting(&below)) }
            text.symbol x=(x + 14) y=(y + 20) text-anchor="middle" { (kind.symbol().trim()) }
        }
    }
}

/// Returns as much of a text as fits into a box.
fn fitting(text: &str) -> String {
    let text = escaped(text);
    let width = textwrap::core::display_width;
    if width(&text) <= COLUMNS {
        return text;
    }
    let ends = text
        .char_indices()
        .map(|(start, letter)| start + letter.len_utf8());
    let end = ends.take_while(|end| width(&text[..*end]) < COLUMNS).last();
    format!("{}…", &text[..end.unwrap_or(0)])
}

/// Returns the line along a route, with its head.
fn arrow(layout: &Layout, route: &[usize]) -> Markup {
    use std::fmt::Write as _;

    const HEAD: usize = 7;
    let mut path = String::new();
    let mut end = (0, 0);
    for (index, &point) in route.iter().enumerate() {
        let (x, y) = layout.corner(point);
        let y = y + HEIGHT / 2;
        // Writing to a String cannot fail.
        if index == 0 {
            let _ = write!(path, "M{} {y}", x + WIDTH);
        } else {
            let is_last = index + 1 == route.len();
            let to = if is_last { x - HEAD } else { x };
            let middle = x - GAP_X / 2;
            let _ = write!(path, "C{middle} {} {middle} {y} {to} {y}", end.1);
            if !is_last {
                let _ = write!(path, "H{}", x + WIDTH);
            }
        }
        end = (x, y);
    }
    let (x, y) = end;
    let head = format!("M{x} {y}l-{HEAD} -4v8z");
    html! { path.edge d=(path) {} path.head-of-edge d=(head) {} }
}

/// The positions of the nodes of a group, and of the points where an arrow crosses a rank. The
/// points of the nodes come first.
struct Layout {
    ranks: Vec<Vec<usize>>,
    /// The rank of each point.
    rank_of: Vec<usize>,
    /// The index of each point in its rank.
    index_of: Vec<usize>,
    /// The points of each arrow.
    routes: Vec<Vec<usize>>,
}

impl Layout {
    fn of(group: &OrderGroup<'_>) -> Self {
        let mut rank_of: Vec<usize> = group.nodes.iter().map(|node| node.rank).collect();
        let mut routes = Vec::new();
        for &(first, last) in &group.edges {
            let mut route = vec![first];
            for rank in rank_of[first] + 1..rank_of[last] {
                route.push(rank_of.len());
                rank_of.push(rank);
            }
            route.push(last);
            routes.push(route);
        }
        let highest = rank_of.iter().max().copied().unwrap_or(0);
        let mut ranks = vec![Vec::new(); highest + 1];
        for (point, rank) in rank_of.iter().enumerate() {
            ranks[*rank].push(point);
        }
        let mut layout = Self {
            index_of: vec![0; rank_of.len()],
            ranks,
            rank_of,
            routes,
        };
        layout.number();
        for sweep in 0..SWEEPS {
            layout.sweep(sweep % 2 == 0);
        }
        layout
    }

    fn number(&mut self) {
        for rank in &self.ranks {
            for (index, point) in rank.iter().enumerate() {
                self.index_of[*point] = index;
            }
        }
    }

    /// Sorts each rank by the positions of the points that its points are connected with, in the
    /// rank before it or after it.
    fn sweep(&mut self, is_forward: bool) {
        let mut others: Vec<Vec<usize>> = vec![Vec::new(); self.rank_of.len()];
        for pair in self.routes.iter().flat_map(|route| route.windows(2)) {
            let (from, to) = if is_forward {
                (pair[0], pair[1])
            } else {
                (pair[1], pair[0])
            };
            others[to].push(from);
        }
        let mut order: Vec<usize> = (0..self.ranks.len()).collect();
        if !is_forward {
            order.reverse();
        }
        for rank in order {
            let mut points = std::mem::take(&mut self.ranks[rank]);
            // In thousandths, because floating point numbers have no total order.
            let mean = |point: &usize| {
                let others = &others[*point];
                let sum: usize = others.iter().map(|other| self.index_of[*other]).sum();
                let own = self.index_of[*point] * 1_000;
                (sum * 1_000).checked_div(others.len()).unwrap_or(own)
            };
            points.sort_by_key(mean);
            self.ranks[rank] = points;
            self.number();
        }
    }

    fn height_of(&self, rank: usize) -> usize {
        self.ranks[rank].len() * (HEIGHT + GAP_Y) - GAP_Y
    }

    fn size(&self) -> (usize, usize) {
        let ranks = self.ranks.len();
        let highest = (0..ranks).map(|rank| self.height_of(rank)).max();
        // The frames of the boxes need one more pixel on each side.
        (
            ranks * (WIDTH + GAP_X) - GAP_X + 2,
            highest.unwrap_or(0) + 2,
        )
    }

    /// Returns the top left corner of a point.
    fn corner(&self, point: usize) -> (usize, usize) {
        let rank = self.rank_of[point];
        let (_, height) = self.size();
        let top = (height - 2 - self.height_of(rank)) / 2;
        (
            rank * (WIDTH + GAP_X) + 1,
            top + self.index_of[point] * (HEIGHT + GAP_Y) + 1,
        )
    }
}
