//! P-256 for the attestation key (FIPS 186-5) and the stream of the random generator, from Zig's standard library.
const std = @import("std");
const crypto = std.crypto;
const Ecdsa = crypto.sign.ecdsa.EcdsaP256Sha256;
const P256 = crypto.ecc.P256;
const ChaCha = crypto.stream.chacha.ChaCha20IETF;

const Part = extern struct {
    data: ?[*]const u8,
    length: usize,

    fn slice(part: Part) []const u8 {
        return if (part.data) |data| data[0..part.length] else &.{};
    }
};

/// A secret scalar from 48 uniform bytes.
export fn p256_key(secret: *[32]u8, uniform: *const [48]u8) void {
    secret.* = P256.scalar.reduce48(uniform.*, .big);
}

fn pair(secret: *const [32]u8) Ecdsa.KeyPair {
    return Ecdsa.KeyPair.fromSecretKey(Ecdsa.SecretKey.fromBytes(secret.*) catch unreachable) catch unreachable;
}

/// The public key as an uncompressed point.
export fn p256_public(point: *[65]u8, secret: *const [32]u8) void {
    point.* = pair(secret).public_key.toUncompressedSec1();
}

/// ECDSA with SHA-256 and a deterministic nonce (RFC 6979): r ‖ s.
export fn p256_sign(signature: *[64]u8, secret: *const [32]u8, parts: [*]const Part, count: usize) void {
    var signer = pair(secret).signer(null) catch unreachable;
    for (parts[0..count]) |part| signer.update(part.slice());
    signature.* = (signer.finalize() catch unreachable).toBytes();
}

/// Fast key erasure: the first block of the stream becomes the next key, the rest is the output.
export fn generator_draw(key: *[32]u8, out: [*]u8, length: usize) void {
    const nonce: [12]u8 = @splat(0);
    var next: [64]u8 = undefined;
    ChaCha.stream(&next, 0, key.*, nonce);
    ChaCha.stream(out[0..length], 1, key.*, nonce);
    key.* = next[0..32].*;
    crypto.secureZero(u8, &next);
}
