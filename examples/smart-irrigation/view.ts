// What the dashboard module answers, read into names (modules/irrigation.h).

export interface View {
    /** Percent, as the controller received it last. */
    moisture: number;
    /** What the controller decided. */
    wanted: "open" | "closed";
    /** Readings the controller received, and readings it knows it missed. */
    received: number;
    missed: number;
    /** What the valve did. */
    position: "open" | "closed";
    moves: number;
    /** Reports the dashboard received from the controller. */
    reports: number;
    /** What the pump did. */
    pump: "on" | "off";
    switches: number;
}

const VIEW_BYTES = 24;
const position = (value: number) => (value === 1 ? "open" : "closed");

/** @throws RangeError if the reply is not a view */
export function parseView(reply: Uint8Array): View {
    if (reply.length !== VIEW_BYTES) throw new RangeError(`the dashboard answered ${String(reply.length)} bytes, not ${String(VIEW_BYTES)}`);
    const bytes = Buffer.from(reply);
    return {
        moisture: bytes.readUInt8(0),
        wanted: position(bytes.readUInt8(1)),
        received: bytes.readUInt32BE(2),
        missed: bytes.readUInt32BE(6),
        position: position(bytes.readUInt8(10)),
        moves: bytes.readUInt32BE(11),
        reports: bytes.readUInt32BE(15),
        pump: bytes.readUInt8(19) === 1 ? "on" : "off",
        switches: bytes.readUInt32BE(20),
    };
}
