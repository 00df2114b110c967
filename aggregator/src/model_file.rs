//! `model.safetensors`: the model in a form that other programs read. Files are replaced whole or not at all.

use safetensors::tensor::{Dtype, TensorView};
use std::io::Write;
use std::path::Path;

/// Writes `bytes` beside `path`, syncs, and renames: a reader sees the old file or the new one, never a torn one.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// The file's bytes: per layer `layers.N.weight` of shape inputs x outputs and `layers.N.bias` of shape outputs.
pub(crate) fn to_bytes(widths: &[u32], parameters: &[f32]) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = parameters.iter().flat_map(|p| p.to_le_bytes()).collect();
    let mut views = Vec::new();
    let mut rest = bytes.as_slice();
    for (layer, pair) in widths.windows(2).enumerate() {
        let &[inputs, outputs] = pair else { return None };
        let (inputs, outputs) = (inputs as usize, outputs as usize);
        let (weight, after) = rest.split_at_checked(inputs * outputs * 4)?;
        let (bias, after) = after.split_at_checked(outputs * 4)?;
        rest = after;
        views
            .push((format!("layers.{layer}.weight"), TensorView::new(Dtype::F32, vec![inputs, outputs], weight).ok()?));
        views.push((format!("layers.{layer}.bias"), TensorView::new(Dtype::F32, vec![outputs], bias).ok()?));
    }
    safetensors::serialize(views, None).ok()
}

/// Reads the parameters back, for the model of `widths`.
pub(crate) fn from_bytes(widths: &[u32], bytes: &[u8]) -> Result<Vec<f32>, String> {
    let tensors = safetensors::SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut parameters = Vec::new();
    for (layer, pair) in widths.windows(2).enumerate() {
        let &[inputs, outputs] = pair else { continue };
        let (inputs, outputs) = (inputs as usize, outputs as usize);
        for (name, shape) in [("weight", vec![inputs, outputs]), ("bias", vec![outputs])] {
            let name = format!("layers.{layer}.{name}");
            let tensor = tensors.tensor(&name).map_err(|error| format!("{name}: {error}"))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
                return Err(format!("{name} is not of 32-bit floats with shape {shape:?}"));
            }
            let numbers = tensor.data().as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number));
            parameters.extend(numbers);
        }
    }
    if parameters.iter().all(|p| p.is_finite()) { Ok(parameters) } else { Err("a parameter is not finite".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_survives_the_file() {
        let parameters: Vec<f32> = (0..23).map(|i| i as f32).collect();
        let bytes = to_bytes(&[3, 4, 1], &parameters[..21]).unwrap();
        assert_eq!(from_bytes(&[3, 4, 1], &bytes).unwrap(), parameters[..21]);
        assert!(from_bytes(&[3, 5, 1], &bytes).is_err());
        assert!(from_bytes(&[3, 4, 1], &bytes[..50]).is_err());
    }
}
