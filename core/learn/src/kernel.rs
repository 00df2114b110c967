//! The blocked matrix product in the widest vectors of the processor at hand.
//!
//! A tile of the result stays in registers while the terms of its sums pass by: from the left factor one number for each
//! row of the tile, from the right one a panel's row. Panels are packed so that they are read from first to last (Goto and
//! van de Geijn, 2008). Each element of the result is one chain of sums in the order of the terms, whatever the size of
//! tiles, panels and blocks: its bits depend on the vectors' kind alone.

use core::array::from_fn;
use pulp::{Scalar128b, Simd, WithSimd};

/// Most rows of a tile. Six rows of two vectors, and what they are multiplied by, just fit into sixteen registers.
const TILE_ROWS: usize = 6;

/// Most terms between two visits to the result. Two panels of so many terms fit into the smallest first-level caches.
const TERMS: usize = 256;

/// Room for panels, in numbers: half a small second-level cache.
const ROOM: usize = 32_768;

/// Most columns of a panel, of all kinds of vectors.
const PANEL_MAX: usize = 16;

/// Length of the memory for packed panels of a product with at most so many terms and columns.
pub(crate) fn panels_len(terms: usize, columns: usize) -> usize {
    (terms.min(TERMS) * columns.min(ROOM).next_multiple_of(PANEL_MAX)).min(ROOM)
}

/// A factor of a product as it lies in memory, and the distance from the beginning of one row or column to that of the
/// next. Those of a left factor may overlap.
#[derive(Clone, Copy)]
pub(crate) enum Factor<'a> {
    /// Row after row.
    Rows(&'a [f32], usize),
    /// Column after column.
    Columns(&'a [f32], usize),
}

/// out += left right, with out `[rows][columns]`, left `[rows][terms]` and right `[terms][columns]`.
pub(crate) struct Product<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) terms: usize,
    pub(crate) left: Factor<'a>,
    pub(crate) right: Factor<'a>,
    pub(crate) out: &'a mut [f32],
    /// At least [`panels_len`] numbers, which are overwritten.
    pub(crate) panels: &'a mut [f32],
}

/// Computes a product with the best vectors there are.
pub(crate) fn add_product(product: Product<'_>) {
    match pulp::Arch::new() {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        pulp::Arch::V3(simd) => {
            Simd::vectorize(simd, Tiles::<{ if cfg!(target_arch = "x86") { 1 } else { 2 } }, true>(product))
        }
        #[cfg(target_arch = "aarch64")]
        pulp::Arch::Neon(simd) => Simd::vectorize(simd, Tiles::<4, true>(product)),
        _ => add_product_plainly(product),
    }
}

/// Computes a product with what every processor of the architecture has.
pub(crate) fn add_product_plainly(product: Product<'_>) {
    Tiles::<2, false>(product).with_simd(Scalar128b);
}

/// A product by panels of `VECTORS` vectors, with or without fused multiplication and addition.
struct Tiles<'a, const VECTORS: usize, const FUSED: bool>(Product<'a>);

/// Room for what a tile takes from the left factor, and for a tile that is narrower than a panel.
struct Spare {
    left: [f32; TILE_ROWS * TERMS],
    tile: [f32; TILE_ROWS * PANEL_MAX],
}

/// Terms and columns that are packed at once.
#[derive(Clone, Copy)]
struct Block {
    term: usize,
    terms: usize,
    column: usize,
    columns: usize,
}

impl<const VECTORS: usize, const FUSED: bool> WithSimd for Tiles<'_, VECTORS, FUSED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        let mut spare = Spare { left: [0.0; TILE_ROWS * TERMS], tile: [0.0; TILE_ROWS * PANEL_MAX] };
        for term in (0..self.0.terms).step_by(TERMS) {
            let terms = TERMS.min(self.0.terms - term);
            let wide = (self.0.panels.len() / (terms * width)).max(1) * width;
            for column in (0..self.0.columns).step_by(wide) {
                let block = Block { term, terms, column, columns: wide.min(self.0.columns - column) };
                pack::<S, VECTORS>(&mut self.0, block);
                self.rows(simd, block, &mut spare);
            }
        }
    }
}

impl<const VECTORS: usize, const FUSED: bool> Tiles<'_, VECTORS, FUSED> {
    /// Tiles of nearly equal height, none above [`TILE_ROWS`].
    #[inline(always)]
    fn rows<S: Simd>(&mut self, simd: S, block: Block, spare: &mut Spare) {
        let tiles = self.0.rows.div_ceil(TILE_ROWS);
        let mut row = 0;
        for tile in (1..=tiles).rev() {
            let height = (self.0.rows - row).div_ceil(tile);
            match height {
                1 => self.tiles::<S, 1>(simd, block, row, spare),
                2 => self.tiles::<S, 2>(simd, block, row, spare),
                3 => self.tiles::<S, 3>(simd, block, row, spare),
                4 => self.tiles::<S, 4>(simd, block, row, spare),
                5 => self.tiles::<S, 5>(simd, block, row, spare),
                _ => self.tiles::<S, 6>(simd, block, row, spare),
            }
            row += height;
        }
    }

    /// The tiles of `ROWS` rows from `row` on.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize>(&mut self, simd: S, block: Block, row: usize, spare: &mut Spare) {
        match self.0.left {
            Factor::Rows(left, step) => {
                // All six are walked, so that their lengths are compared once; what lies past the tile is not loaded.
                let [a, b, c, d, e, f]: [&[f32]; TILE_ROWS] = from_fn(|r| {
                    let first = (row + r.min(ROWS - 1)) * step + block.term;
                    &left[first..first + block.terms]
                });
                let six = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f);
                let scales = six.map(|(((((a, b), c), d), e), f)| {
                    let six = [a, b, c, d, e, f];
                    from_fn(|r| six[r])
                });
                self.panels::<S, ROWS>(simd, block, row, scales, &mut spare.tile);
            }
            Factor::Columns(left, step) => {
                let (packed, _) = spare.left.as_chunks_mut::<ROWS>();
                let columns = (block.term..block.term + block.terms).map(|term| &left[term * step + row..]);
                for (packed, column) in packed.iter_mut().zip(columns) {
                    packed.copy_from_slice(&column[..ROWS]);
                }
                let scales = packed[..block.terms].iter().map(|scales| scales.each_ref());
                self.panels(simd, block, row, scales, &mut spare.tile);
            }
        }
    }

    /// Adds to a row of tiles. The last may be narrower than a panel: it is widened in a spare one.
    #[inline(always)]
    fn panels<'b, S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        block: Block,
        row: usize,
        scales: impl Iterator<Item = [&'b f32; ROWS]> + Clone,
        spare: &mut [f32],
    ) {
        let width = VECTORS * S::F32_LANES;
        let panels = self.0.panels.chunks_exact(block.terms * width);
        for (column, panel) in (0..block.columns).step_by(width).zip(panels) {
            let columns = width.min(block.columns - column);
            let out = &mut self.0.out[row * self.0.columns + block.column + column..];
            let narrow = columns < width;
            if narrow {
                copy_rows((out, self.0.columns), (spare, width), columns, ROWS);
            }
            let (tile, stride) = if narrow { (&mut *spare, width) } else { (&mut *out, self.0.columns) };
            add_tile::<S, ROWS, VECTORS, FUSED>(simd, scales.clone(), S::as_simd_f32s(panel).0, tile, stride);
            if narrow {
                copy_rows((spare, width), (out, self.0.columns), columns, ROWS);
            }
        }
    }
}

/// Copies the first columns of the first rows between matrices, each with the length of its rows.
#[inline(never)]
fn copy_rows(from: (&[f32], usize), to: (&mut [f32], usize), columns: usize, rows: usize) {
    for (from, to) in from.0.chunks(from.1).zip(to.0.chunks_mut(to.1)).take(rows) {
        from.iter().zip(to).take(columns).for_each(|(from, to)| *to = *from);
    }
}

/// Adds the terms of a panel to the first columns of the first `ROWS` rows of `out`, whose rows are `stride` long.
#[inline(always)]
fn add_tile<'a, S: Simd, const ROWS: usize, const VECTORS: usize, const FUSED: bool>(
    simd: S,
    scales: impl Iterator<Item = [&'a f32; ROWS]>,
    panel: &[S::f32s],
    out: &mut [f32],
    stride: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for r in 0..ROWS {
        if let Some(vectors) = S::as_simd_f32s(&out[r * stride..]).0.first_chunk() {
            sums[r] = *vectors;
        }
    }
    let (panel, _) = panel.as_chunks::<VECTORS>();
    for (scales, vectors) in scales.zip(panel) {
        for r in 0..ROWS {
            let scale = simd.splat_f32s(*scales[r]);
            for v in 0..VECTORS {
                sums[r][v] = if FUSED {
                    simd.mul_add_e_f32s(scale, vectors[v], sums[r][v])
                } else {
                    simd.add_f32s(simd.mul_f32s(scale, vectors[v]), sums[r][v])
                };
            }
        }
    }
    for r in 0..ROWS {
        if let Some(vectors) = S::as_mut_simd_f32s(&mut out[r * stride..]).0.first_chunk_mut() {
            *vectors = sums[r];
        }
    }
}

/// Copies a block of the right factor into panels of `VECTORS` vectors, the last filled up with zeros.
#[inline(always)]
fn pack<S: Simd, const VECTORS: usize>(product: &mut Product<'_>, block: Block) {
    let width = VECTORS * S::F32_LANES;
    let panels = product.panels.chunks_exact_mut(block.terms * width);
    for (column, panel) in (0..block.columns).step_by(width).zip(panels) {
        let columns = width.min(block.columns - column);
        let first = block.column + column;
        if columns < width {
            panel.fill(0.0);
        }
        match product.right {
            Factor::Rows(right, step) if columns == width => {
                let (panel, _) = S::as_mut_simd_f32s(panel).0.as_chunks_mut::<VECTORS>();
                let rows = right.chunks_exact(step).skip(block.term);
                for (packed, row) in panel.iter_mut().zip(rows) {
                    if let Some(vectors) = S::as_simd_f32s(&row[first..]).0.first_chunk() {
                        *packed = *vectors;
                    }
                }
            }
            Factor::Rows(right, step) => {
                let from = &right[block.term * step + first..];
                copy_rows((from, step), (panel, width), columns, block.terms);
            }
            Factor::Columns(right, step) => {
                let columns = right.chunks_exact(step).skip(first).take(columns);
                for (c, column) in columns.enumerate() {
                    let terms = &column[block.term..][..block.terms];
                    panel.iter_mut().skip(c).step_by(width).zip(terms).for_each(|(packed, value)| *packed = *value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
