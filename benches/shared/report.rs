//! The table, with ratios and bars.

use crate::measure::Figure;
use crate::peer::BARS;
use std::fmt::Write;

/// How a figure is judged.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At least this share of direct.
    ShareOfDirect(f64),
    /// At most this value.
    AtMost(f64),
    /// At least this value.
    AtLeast(f64),
    /// At most so much more than direct.
    MoreThanDirect(f64),
}

/// All figures as a Markdown table.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut table = String::from(
        "| figure | unit | direct | floor | lockgate | / direct | / floor | bar | met |\n\
         |---|---|--:|--:|--:|--:|--:|---|---|\n",
    );
    for figure in figures {
        let [direct, floor, lockgate] = &figure.values;
        let to_direct = ratio(lockgate, direct);
        let to_floor = ratio(lockgate, floor);
        let (bar, met) = judge(figure, to_direct, to_floor);
        let _infallible = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {} | {bar} | {met} |",
            figure.name,
            figure.unit,
            number(median(direct)),
            number(median(floor)),
            number(median(lockgate)),
            number(to_direct),
            number(to_floor),
        );
    }
    table
}

fn judge(figure: &Figure, to_direct: f64, to_floor: f64) -> (String, &'static str) {
    let Some((_, bar)) = BARS.iter().find(|(name, _)| *name == figure.name) else {
        return Default::default();
    };
    let [direct, _, lockgate] = &figure.values;
    let value = median(lockgate);
    let (text, met) = match *bar {
        Bar::TimesFloor(most) => (format!("≤ {most} × floor"), to_floor <= most),
        Bar::ShareOfDirect(least) => (format!("≥ {least} × direct"), to_direct >= least),
        Bar::AtMost(most) => (format!("≤ {most} {}", figure.unit), value <= most),
        Bar::AtLeast(least) => (format!("≥ {least} {}", figure.unit), value >= least),
        Bar::MoreThanDirect(most) => (
            format!("≤ {most} {} more", figure.unit),
            value - median(direct) <= most,
        ),
    };
    (text, if met { "yes" } else { "no" })
}

/// The median over the rounds of the ratios within each round.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
    median(&ratios)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn number(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".to_owned(),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
