//! Instructions that modules are compiled for (x86-64-v3 with AES, PCLMULQDQ and RDRAND).

/// Those that this processor lacks.
pub fn missing_features() -> Vec<&'static str> {
    macro_rules! missing {
        ($($feature:tt),*) => { [$(($feature, std::arch::is_x86_feature_detected!($feature))),*] };
    }
    let needed =
        missing!("sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "lzcnt", "movbe", "aes", "pclmulqdq", "rdrand");
    needed.into_iter().filter(|(_, present)| !present).map(|(name, _)| name).collect()
}
