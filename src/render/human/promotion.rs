//! A promotion as a table.

use std::io::{self, Write as _};

use super::table::table_of_values;
use crate::promotion::Promotion;
use crate::render::styles::StyledWriter;
use crate::render::view::promotion as view;
use crate::render::words;

/// Writes a promotion.
pub fn render_promotion(promotion: &Promotion, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let (from, to) = (
        words::escaped(&promotion.from),
        words::escaped(&promotion.to),
    );
    let file = words::escaped(&promotion.manifest);
    writeln!(out, "Promotion from {from} to {to} in {file}\n")?;
    if !promotion.rows.is_empty() {
        let in_source = format!("IN SERVICE IN {from}");
        let in_target = format!("IN SERVICE IN {to}");
        let header = ["NAME", &in_source, &in_target, "DECLARED", "NEW", "RESULT"];
        let rows = promotion.rows.iter().map(|row| {
            [
                Some(row.name.to_string()),
                view::versions(&row.from),
                view::target_versions(row),
                view::declared(row),
                view::new_version(row).map(ToString::to_string),
                Some(view::result(row)),
            ]
        });
        table_of_values(header, rows).write(out.width, out)?;
        writeln!(out)?;
    }
    let style = if promotion.has_changes() {
        out.styles.strong
    } else {
        out.styles.add
    };
    out.line(style, view::verdict(promotion))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::State;
    use crate::ident::{SolutionName, Version};
    use crate::promotion::{Decision, Direction, LeftOut, PromotionRow};

    #[test]
    fn a_promotion_as_text() {
        let version = |text| Version::parse(text).unwrap();
        let row = |name, decision| PromotionRow {
            name: SolutionName::parse(name).unwrap(),
            from: vec![version("0.0.2")],
            to: Some(vec![version("0.0.1")]),
            declared: vec![(version("0.0.1"), State::Active)],
            position: None,
            decision,
            copies_package: false,
            has_digest: false,
            sha256: None,
        };
        let promote = Decision::Promote(version("0.0.2"), Direction::Upgrade);
        let mut promotion = Promotion {
            from: "uat".to_owned(),
            to: "prod".to_owned(),
            manifest: "solform.yaml".to_owned(),
            rows: vec![
                row("Form W-2", promote),
                PromotionRow {
                    to: None,
                    declared: vec![(version("0.0.2"), State::Inactive)],
                    ..row("Paystub", Decision::Current)
                },
                PromotionRow {
                    from: Vec::new(),
                    ..row("Z\u{202e}", Decision::LeaveOut(LeftOut::NotLive))
                },
            ],
            is_written: true,
        };
        let text = |promotion: &Promotion| {
            let mut text = Vec::new();
            render_promotion(promotion, &mut StyledWriter::plain(&mut text)).unwrap();
            String::from_utf8(text).unwrap()
        };
        insta::assert_snapshot!(text(&promotion), @r"
        Promotion from uat to prod in solform.yaml

        NAME       IN SERVICE IN uat  IN SERVICE IN prod  DECLARED        NEW    RESULT
        Form W-2   0.0.2              0.0.1               0.0.1           0.0.2  upgrade
        Paystub    0.0.2              unknown             0.0.2 INACTIVE  -      already declared
        Z\u{202e}  -                  0.0.1               0.0.1           -      not in service in the source

        Promotion: 1 to promote, 1 already declared, 1 left out.
        ");
        promotion.rows.clear();
        insta::assert_snapshot!(text(&promotion), @r"
        Promotion from uat to prod in solform.yaml

        Nothing to promote: 0 already declared, 0 left out.
        ");
    }
}
