//! The kernel beside plain loops, with the best vectors and with those that every processor has.

use super::*;
use heijunka_units::SplitMix64;

type Compute = fn(Product<'_>);

/// out += left right in 64 bits; element i, j of a factor by its layout.
fn expected(rows: usize, columns: usize, terms: usize, left: &Factor<'_>, right: &Factor<'_>, out: &[f32]) -> Vec<f64> {
    let at = |factor: &Factor<'_>, row: usize, column: usize| match factor {
        Factor::Rows(values, step) => f64::from(values[row * step + column]),
        Factor::Columns(values, step) => f64::from(values[column * step + row]),
    };
    let element = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        let product = |term| at(left, row, term) * at(right, term, column);
        f64::from(out[i]) + (0..terms).map(product).sum::<f64>()
    };
    (0..rows * columns).map(element).collect()
}

fn numbers(random: &mut SplitMix64, len: usize) -> Vec<f32> {
    (0..len).map(|_| random.normal() as f32).collect()
}

#[test]
fn products_are_those_of_plain_loops() {
    let mut random = SplitMix64::new(7);
    // Around the sizes of tiles, vectors, panels and their memory.
    let sizes =
        [(1, 1, 1), (3, 5, 2), (4, 16, 8), (6, 17, 9), (7, 33, 64), (13, 10, 257), (25, 130, 300), (2, 4100, 9)];
    for (rows, columns, terms) in sizes {
        let (left, right) = (numbers(&mut random, rows * terms), numbers(&mut random, terms * columns));
        let before = numbers(&mut random, rows * columns);
        for left in [Factor::Rows(&left, terms), Factor::Columns(&left, rows)] {
            for right in [Factor::Rows(&right, columns), Factor::Columns(&right, terms)] {
                let expected = expected(rows, columns, terms, &left, &right, &before);
                for compute in [add_product as Compute, add_product_plainly] {
                    let mut out = before.clone();
                    let panels = &mut vec![f32::NAN; panels_len(terms, columns)];
                    compute(Product { rows, columns, terms, left, right, out: &mut out, panels });
                    for (out, expected) in out.iter().zip(&expected) {
                        let error = (f64::from(*out) - expected).abs();
                        assert!(
                            error < 1e-5 * (terms as f64).sqrt() * (1.0 + expected.abs()),
                            "{rows} {columns} {terms}"
                        );
                    }
                }
            }
        }
    }
}

/// As in a convolution, where what neighbouring positions see is partly the same.
#[test]
fn rows_of_the_left_factor_may_overlap() {
    let mut random = SplitMix64::new(9);
    for (positions, inputs, step) in [(11, 12, 3), (26, 70, 14), (300, 9, 1), (4, 300, 300)] {
        let (x, filters) = (numbers(&mut random, (positions - 1) * step + inputs), 17);
        for (rows, terms, left) in
            [(positions, inputs, Factor::Rows(&x, step)), (inputs, positions, Factor::Columns(&x, step))]
        {
            let right = numbers(&mut random, terms * filters);
            let right = Factor::Rows(&right, filters);
            let before = numbers(&mut random, rows * filters);
            let expected = expected(rows, filters, terms, &left, &right, &before);
            for compute in [add_product as Compute, add_product_plainly] {
                let mut out = before.clone();
                let panels = &mut vec![f32::NAN; panels_len(terms, filters)];
                compute(Product { rows, columns: filters, terms, left, right, out: &mut out, panels });
                for (out, expected) in out.iter().zip(&expected) {
                    let error = (f64::from(*out) - expected).abs();
                    assert!(error < 1e-5 * (terms as f64).sqrt() * (1.0 + expected.abs()), "{rows} {terms}");
                }
            }
        }
    }
}

/// Each row has the same bits whatever other rows are computed with it, and sums may be cut anywhere.
#[test]
fn bits_do_not_depend_on_tiles() {
    let mut random = SplitMix64::new(8);
    let (rows, columns, terms) = (23, 37, 70);
    let (left, right) = (numbers(&mut random, rows * terms), numbers(&mut random, terms * columns));
    for compute in [add_product as Compute, add_product_plainly] {
        let panels = &mut vec![0.0; panels_len(terms, columns)];
        let mut whole = vec![0.5; rows * columns];
        let (l, r) = (Factor::Rows(&left, terms), Factor::Rows(&right, columns));
        compute(Product { rows, columns, terms, left: l, right: r, out: &mut whole, panels });
        for (left, whole) in left.chunks(terms).zip(whole.chunks(columns)) {
            let mut alone = vec![0.5; columns];
            let (front, back) = left.split_at(32);
            let (above, below) = right.split_at(32 * columns);
            for (left, right) in [(front, above), (back, below)] {
                let terms = left.len();
                let (left, right) = (Factor::Rows(left, terms), Factor::Rows(right, columns));
                compute(Product { rows: 1, columns, terms, left, right, out: &mut alone, panels });
            }
            assert_eq!(alone, whole);
        }
    }
}

/// Not even where a factor is padded.
#[test]
fn numbers_that_are_not_finite_stay_in_their_row_and_column() {
    let (rows, columns, terms) = (7, 9, 3);
    let mut left = vec![1.0; rows * terms];
    left[0] = f32::INFINITY;
    let right = vec![1.0; terms * columns];
    for compute in [add_product as Compute, add_product_plainly] {
        let (mut out, panels) = (vec![0.0; rows * columns], &mut vec![0.0; panels_len(terms, columns)]);
        let (left, right) = (Factor::Rows(&left, terms), Factor::Rows(&right, columns));
        compute(Product { rows, columns, terms, left, right, out: &mut out, panels });
        assert!(out[..columns].iter().all(|value| *value == f32::INFINITY));
        assert!(out[columns..].iter().all(|value| *value == 3.0));
    }
}
