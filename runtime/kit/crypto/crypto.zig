//! The primitives the kit needs, from Zig's standard library, with C names (crypto.h).
//! Inputs arrive as lists of parts so that no caller has to concatenate secrets into a buffer first.
const std = @import("std");
const crypto = std.crypto;
const Sha256 = crypto.hash.sha2.Sha256;
const Sha512 = crypto.hash.sha2.Sha512;
const Hmac = crypto.auth.hmac.sha2.HmacSha256;
const X25519 = crypto.dh.X25519;
const Ed25519 = crypto.sign.Ed25519;
const ChaCha = crypto.stream.chacha.ChaCha20IETF;
const Poly1305 = crypto.onetimeauth.Poly1305;
const Aes128Gcm = crypto.aead.aes_gcm.Aes128Gcm;

const Part = extern struct {
    data: ?[*]const u8,
    length: usize,

    fn slice(part: Part) []const u8 {
        return if (part.data) |data| data[0..part.length] else &.{};
    }
};

export fn crypto_sha256(digest: *[32]u8, parts: [*]const Part, count: usize) void {
    var hash = Sha256.init(.{});
    for (parts[0..count]) |part| hash.update(part.slice());
    hash.final(digest);
}

export fn crypto_sha512(digest: *[64]u8, parts: [*]const Part, count: usize) void {
    var hash = Sha512.init(.{});
    for (parts[0..count]) |part| hash.update(part.slice());
    hash.final(digest);
}

/// RFC 5869 extract with HMAC-SHA-256.
export fn crypto_hkdf_extract(prk: *[32]u8, salt: ?[*]const u8, salt_length: usize, parts: [*]const Part, count: usize) void {
    var mac = Hmac.init(if (salt) |bytes| bytes[0..salt_length] else &.{});
    for (parts[0..count]) |part| mac.update(part.slice());
    mac.final(prk);
    crypto.secureZero(u8, std.mem.asBytes(&mac));
}

/// RFC 5869 expand to at most one block (32 bytes): the kit never needs more.
export fn crypto_hkdf_expand(out: [*]u8, length: usize, prk: *const [32]u8, parts: [*]const Part, count: usize) void {
    var mac = Hmac.init(prk);
    for (parts[0..count]) |part| mac.update(part.slice());
    mac.update(&.{1});
    var block: [32]u8 = undefined;
    mac.final(&block);
    const wanted = @min(length, block.len);
    @memcpy(out[0..wanted], block[0..wanted]);
    crypto.secureZero(u8, &block);
    crypto.secureZero(u8, std.mem.asBytes(&mac));
}

export fn crypto_x25519_public(public: *[32]u8, secret: *const [32]u8) void {
    public.* = X25519.recoverPublicKey(secret.*);
}

/// RFC 7748; false for a low-order point, whose result an attacker would know.
export fn crypto_x25519(shared: *[32]u8, secret: *const [32]u8, public: *const [32]u8) bool {
    shared.* = X25519.scalarmult(secret.*, public.*) catch return false;
    return true;
}

/// RFC 8032 without cofactor; small-order and non-canonical A or R and S >= L are refused.
export fn crypto_ed25519_verify(signature: *const [64]u8, key: *const [32]u8, parts: [*]const Part, count: usize) bool {
    verify(signature.*, key.*, parts[0..count]) catch return false;
    return true;
}

fn verify(signature: [64]u8, key: [32]u8, parts: []const Part) !void {
    const public = try Ed25519.PublicKey.fromBytes(key);
    const decoded = Ed25519.Signature.fromBytes(signature);
    for ([_][32]u8{ key, decoded.r }) |point|
        try (try Ed25519.Curve.fromBytes(point)).clearCofactor().rejectIdentity();
    var verifier = try decoded.verifier(public);
    for (parts) |part| verifier.update(part.slice());
    try verifier.verifyStrict();
}

// The AEADs work in place or between buffers that do not overlap; the tag follows the ciphertext.

fn seal(comptime Aead: type, out: [*]u8, in: [*]const u8, length: usize, aad: [*]const u8, aad_length: usize, nonce: *const [12]u8, key: *const [Aead.key_length]u8) void {
    Aead.encrypt(out[0..length], out[length..][0..16], in[0..length], aad[0..aad_length], nonce.*, key.*);
}

fn open(comptime Aead: type, out: [*]u8, in: [*]const u8, length: usize, aad: [*]const u8, aad_length: usize, nonce: *const [12]u8, key: *const [Aead.key_length]u8) bool {
    const tag: [16]u8 = in[length..][0..16].*;
    Aead.decrypt(out[0..length], in[0..length], tag, aad[0..aad_length], nonce.*, key.*) catch return false;
    return true;
}

// RFC 8439 section 2.8. The standard library's own composition makes the block of the one-time key by itself, although the
// cipher makes two blocks at once: that is a third of the time of a short frame.

/// The one-time key of Poly1305 (with 32 bytes nobody uses), and the key stream of the first 64 bytes of text.
const Blocks = [128]u8;

fn firstBlocks(nonce: *const [12]u8, key: *const [32]u8) Blocks {
    var blocks: Blocks = undefined;
    ChaCha.stream(&blocks, 0, key.*, nonce.*);
    return blocks;
}

fn chachaXor(out: []u8, in: []const u8, blocks: *const Blocks, nonce: *const [12]u8, key: *const [32]u8) void {
    const first = @min(in.len, 64);
    for (out[0..first], in[0..first], blocks[64..][0..first]) |*to, from, stream| to.* = from ^ stream;
    if (in.len > 64) ChaCha.xor(out[64..], in[64..], 2, key.*, nonce.*);
}

fn chachaTag(blocks: *const Blocks, aad: []const u8, ciphertext: []const u8) [16]u8 {
    var mac = Poly1305.init(blocks[0..32]);
    for ([_][]const u8{ aad, ciphertext }) |bytes| {
        mac.update(bytes);
        mac.pad();
    }
    var lengths: [16]u8 = undefined;
    std.mem.writeInt(u64, lengths[0..8], aad.len, .little);
    std.mem.writeInt(u64, lengths[8..16], ciphertext.len, .little);
    mac.update(&lengths);
    var tag: [16]u8 = undefined;
    mac.final(&tag);
    return tag;
}

export fn crypto_chacha_seal(out: [*]u8, in: [*]const u8, length: usize, aad: [*]const u8, aad_length: usize, nonce: *const [12]u8, key: *const [32]u8) void {
    const blocks = firstBlocks(nonce, key);
    chachaXor(out[0..length], in[0..length], &blocks, nonce, key);
    out[length..][0..16].* = chachaTag(&blocks, aad[0..aad_length], out[0..length]);
}

export fn crypto_chacha_open(out: [*]u8, in: [*]const u8, length: usize, aad: [*]const u8, aad_length: usize, nonce: *const [12]u8, key: *const [32]u8) bool {
    const blocks = firstBlocks(nonce, key);
    const tag = chachaTag(&blocks, aad[0..aad_length], in[0..length]);
    if (!crypto.timing_safe.eql([16]u8, tag, in[length..][0..16].*)) return false;
    chachaXor(out[0..length], in[0..length], &blocks, nonce, key);
    return true;
}

export fn crypto_aes128gcm_seal(out: [*]u8, in: [*]const u8, length: usize, aad: [*]const u8, aad_length: usize, nonce: *const [12]u8, key: *const [16]u8) void {
    seal(Aes128Gcm, out, in, length, aad, aad_length, nonce, key);
}

export fn crypto_aes128gcm_open(out: [*]u8, in: [*]const u8, length: usize, aad: [*]const u8, aad_length: usize, nonce: *const [12]u8, key: *const [16]u8) bool {
    return open(Aes128Gcm, out, in, length, aad, aad_length, nonce, key);
}

/// Constant time in the contents.
export fn crypto_equal(a: [*]const u8, b: [*]const u8, length: usize) bool {
    var difference: u8 = 0;
    for (a[0..length], b[0..length]) |x, y| difference |= x ^ y;
    std.mem.doNotOptimizeAway(difference);
    return difference == 0;
}

/// A wipe the optimizer must keep.
export fn crypto_wipe(data: [*]u8, length: usize) void {
    crypto.secureZero(u8, data[0..length]);
}
