//! Percentiles and tables.

/// Sorted figures.
pub struct Spread(Vec<u32>);

impl Spread {
    /// Of microseconds.
    pub fn new(mut figures: Vec<u32>) -> Spread {
        figures.sort_unstable();
        Spread(figures)
    }

    /// The figure that `percent` of all do not exceed, in milliseconds.
    pub fn at(&self, percent: f64) -> f64 {
        let rank = (self.0.len() as f64 * percent / 100.0).ceil() as usize;
        let figure = self.0.get(rank.saturating_sub(1)).copied().unwrap_or(0);
        f64::from(figure) / 1000.0
    }

    /// How many are above so many milliseconds.
    pub fn above(&self, ms: u32) -> usize {
        self.0.len() - self.0.partition_point(|figure| *figure <= ms * 1000)
    }

    /// `p50 / p99`
    pub fn two(&self) -> String {
        format!("{:.1} / {:.1}", self.at(50.0), self.at(99.0))
    }

    /// `p50 / p99 / p99.9 / max`
    pub fn four(&self) -> String {
        let [a, b, c, d] = [50.0, 99.0, 99.9, 100.0].map(|percent| self.at(percent));
        format!("{a:.1} / {b:.1} / {c:.1} / {d:.1}")
    }
}

/// Prints a table's head, Markdown as people read it on a terminal.
pub fn head(columns: &[&str]) {
    let line: Vec<String> = columns.iter().map(|name| "-".repeat(name.chars().count())).collect();
    println!("\n| {} |\n|-{}-|", columns.join(" | "), line.join("-|-"));
}

/// Prints a row under it.
pub fn row(columns: &[&str], cells: &[String]) {
    let cells: Vec<String> = columns
        .iter()
        .zip(cells)
        .map(|(name, cell)| format!("{cell:>width$}", width = name.chars().count()))
        .collect();
    println!("| {} |", cells.join(" | "));
}
