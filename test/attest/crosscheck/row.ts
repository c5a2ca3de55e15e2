// One line of the comparison with another verifier: an input, what each says of it, and who is right.
import type { World } from "../pki/intel";

/** A row; both outcomes are asserted, so that a change of either verifier is seen. */
export interface Row {
    readonly input: string;
    /** Worlds in which the row is tried; each has both outcomes. */
    readonly tees: readonly ("sgx" | "tdx")[];
    /** The status when accepted; otherwise `refused: ` and the claims that failed, after the status if it got so far. */
    readonly ours: string;
    /** The status and its advisories when accepted; otherwise `refused: ` and the message. */
    readonly theirs: string;
    /** `either`: nothing requires one of the two, and the row says what ours is for. */
    readonly right: "ours" | "theirs" | "either";
    readonly why: string;
    readonly change: (world: World) => void;
}

/** Bytes from hexadecimal digits. */
export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** Both TEEs. */
export const BOTH = ["sgx", "tdx"] as const;
