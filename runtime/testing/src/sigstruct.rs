//! SIGSTRUCTs (SDM 38.13) signed with a key that is for tests alone, and wrong ones.

use authentic_sgx::SigStruct;
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

/// RSA-3072 with exponent 3. Public on purpose: it signs nothing but the enclaves of these tests.
const MODULUS: &str = concat!(
    "bff10847f512478e326f69e24eb7f4b1e35750eae94a59864b2c3c0ebdd7e5f2810acf5995b14460f0218fca3878414d",
    "8ead8d82337f8866a53f7a6552cc0bac077eff7347acaf49f7b9a5992ac2d256025f99c929250fc744571fed68cbd87b",
    "4a1001697a00b62a4d47bdef86dac391efe60175e66a92b104f4dd911ea54d2abf1b3255f3f0d0a4aeb61432b8586047",
    "9b423b14ce64f377b09691c2afc45acda080a3cab7d85b20752c5b17d31086b532d9dee0469378b85a25290390dfa37b",
    "c084480e68b5585083cae9715edf26ce3dce795c8a615d2101fa1f2489be7c8bca41283911c78e29a9a2bff1fb252c75",
    "79cbe16ae6fb5998388dad2205cb25eb701a098f027b3ffc134922cf3b26c551f7c41732f35890abeebf7dc6267733da",
    "627bc0e997f536f3fc4e32bbe19d43e31d4ec3a49b4572a497acc72e47bf2e67fdd0c3f9b3aaf473a6616e2ce420ec84",
    "cd09b5187f95083159ffb31b7039f57103434b08cbbf9be01449de4c18ebb5959fe82e60e3080ad243e02136bee8f39f",
);
const PRIVATE_EXPONENT: &str = concat!(
    "7ff605854e0c2fb4219f9bec347aa321423a35f1f0dc3baedcc82809d3e543f700b1df910e762d95f56bb5317afad633",
    "b473b3ac22550599c37fa6ee3732b272afa9ffa22fc874dbfa7bc3bb71d736e401951130c618b52f82e4bff39b329052",
    "316000f0fc00797188da7e9faf3c82614a99564e999c61cb58a33e60bf18de1c7f6776e3f7f5e06dc9ceb821d03aeada",
    "67817cb88998a24fcb0f0bd71fd83c8915ab17dc7a903cc04e1d920fe20b0478cc913f402f0cfb25916e1b57b5ea6cfc",
    "03617dc19cf17fd6d6ab09f39b9f75634dfdff2ca947cc7f3c353dba65276e946dc99745aad50867ed56613b509b454c",
    "de36b663328be274014fe8c515a97c3dcc406c15ab39b71b4963b237b10240394aca2bd73fb93c4bdb00eee312570f65",
    "d1528e10cad35d70d9b8b46b2420a4c8238b3e674f28c8349a29b3b5ec0b04a3ca9705253a73eb0e3657aaf17c756dbd",
    "d4f6a4ddf8124b6610111f01c72a83c9b3e6443ddf9a4459e5bd1b0968fed260516421690197631dd561e309dd342bcb",
);
const DIGEST_INFO: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).expect("hexadecimal")
}

/// A SIGSTRUCT for an enclave; `change` changes it before it is signed.
pub fn sign(mr_enclave: &[u8; 32], change: impl FnOnce(&mut [u8; SigStruct::LENGTH])) -> SigStruct {
    let mut bytes = [0; SigStruct::LENGTH];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &[6, 0, 0, 0, 0xE1, 0, 0, 0, 0, 0, 1]);
    put(20, &0x2026_0101u32.to_le_bytes());
    put(24, &[1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1]);
    put(128, &little_endian(&number(MODULUS)));
    put(512, &3u32.to_le_bytes());
    put(904, &u32::MAX.to_le_bytes());
    put(928, &4u64.to_le_bytes());
    put(936, &7u64.to_le_bytes());
    put(944, &(!2u64).to_le_bytes());
    put(952, &u64::MAX.to_le_bytes());
    put(960, mr_enclave);
    put(1024, &3u16.to_le_bytes());
    put(1026, &4u16.to_le_bytes());
    change(&mut bytes);
    complete(&mut bytes);
    SigStruct::from_bytes(&bytes)
}

/// RSASSA-PKCS1-v1_5 with SHA-256, and the quotients that EINIT wants.
fn complete(bytes: &mut [u8; SigStruct::LENGTH]) {
    let (modulus, exponent) = (number(MODULUS), number(PRIVATE_EXPONENT));
    let digest = Sha256::new().chain_update(&bytes[..128]).chain_update(&bytes[900..1028]).finalize();
    let mut message = vec![0, 1];
    message.resize(384 - 52, 0xFF);
    message.push(0);
    message.extend_from_slice(&DIGEST_INFO);
    message.extend_from_slice(&digest);
    let signature = BigUint::from_bytes_be(&message).modpow(&exponent, &modulus);
    let square = &signature * &signature;
    let q1 = &square / &modulus;
    let q2 = (square - &q1 * &modulus) * &signature / &modulus;
    for (at, value) in [(516, signature), (1040, q1), (1424, q2)] {
        bytes[at..at + 384].copy_from_slice(&little_endian(&value));
    }
}

fn little_endian(value: &BigUint) -> [u8; 384] {
    let mut bytes = [0; 384];
    let digits = value.to_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    bytes
}
