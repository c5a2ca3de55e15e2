// Module images of the secure firmware (docs/trustzone.md, "Module images"): from the linked file to what is loaded, the
// devices in its header, and its measurement.
import { sha256 } from "@noble/hashes/sha2";
import { NOBITS, type Section } from "../../build/elf";
import { AuthenticError } from "../../errors";
import { concat, label } from "../../protocol/bytes";
import type { Interface } from "../tee";

/** Bytes of a slot: code, stacks and data of one module. */
export const SLOT_SIZE = 256 * 1024;
/** Bytes of the header: eight words, and for each endpoint the number of its peripheral. */
export const HEADER_SIZE = 96;
export const DEVICES_AT = 32;
const IN_MEMORY = 2;
const MAGIC = 0x54584541;

/** The words of the header, in order. */
interface Header {
    readonly code: number;
    readonly dataStart: number;
    readonly dataEnd: number;
    readonly memory: number;
    readonly entry: number;
    readonly configuration: number;
}

const damaged = (what: string): AuthenticError => new AuthenticError("AE-BUILD-IMAGE", `the linked image is not one of the kit's port for TrustZone: ${what}`, "restore the kit's link.ld");

function readHeader(code: Uint8Array): Header {
    const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
    if (code.length < HEADER_SIZE || view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== 1) throw damaged("no header");
    const word = (index: number): number => view.getUint32(4 * index, true);
    return { code: word(2), dataStart: word(3), dataEnd: word(4), memory: word(5), entry: word(6), configuration: word(7) };
}

/**
 * Takes what is loaded out of a linked file: its read-only part, then its data. The stacks between them and what follows
 * are zero.
 *
 * @throws AuthenticError `AE-BUILD-IMAGE` for a file of another layout, `AE-BUILD-SIZE` for one that exceeds a slot
 */
export function flatten(linked: Uint8Array, sections: readonly Section[]): Uint8Array {
    const loaded = sections.filter(({ flags, size, type }) => (flags & IN_MEMORY) !== 0 && size > 0 && type !== NOBITS);
    const end = Math.max(0, ...loaded.map(({ address, size }) => address + size));
    if (end > 16 * SLOT_SIZE) throw damaged(`it ends at ${end}`);
    const memory = new Uint8Array(end);
    for (const { address, offset, size } of loaded) memory.set(linked.subarray(offset, offset + size), address);
    const header = readHeader(memory);
    if (header.memory > SLOT_SIZE) {
        throw new AuthenticError("AE-BUILD-SIZE", `the module needs ${header.memory} bytes with its stacks, but a slot of the board has ${SLOT_SIZE}`, "make its code, variables or declared maxima smaller");
    }
    if (header.code % 32 !== 0 || header.dataStart % 32 !== 0 || header.code > header.dataStart || header.dataStart > header.dataEnd || header.dataEnd > header.memory || end > header.dataEnd) {
        throw damaged("its parts overlap");
    }
    const data = new Uint8Array(header.dataEnd - header.dataStart);
    data.set(memory.subarray(header.dataStart, end));
    return concat(memory.subarray(0, header.code), data);
}

/**
 * A copy of an image with the numbers of its devices' peripherals in the header, where they are measured.
 *
 * @param peripherals - numbers by name, of the board
 * @param devices - peripheral by device, as the Module has them; devices without one reach nothing
 * @throws AuthenticError `AE-TRUSTZONE-DEVICE` for a device or a peripheral that does not exist
 */
export function placeDevices(image: Uint8Array, declarations: Interface, peripherals: Readonly<Record<string, number>>, devices: Readonly<Record<string, string>>): Uint8Array {
    const placed = image.slice();
    for (const [name, peripheral] of Object.entries(devices)) {
        const endpoint = declarations.findIndex((one) => one.kind === "device" && one.name === name);
        const number = Object.hasOwn(peripherals, peripheral) ? peripherals[peripheral] : undefined;
        if (endpoint < 0) throw new AuthenticError("AE-TRUSTZONE-DEVICE", `the module declares no device "${name}"`, "name only devices that its source declares");
        if (number === undefined) {
            throw new AuthenticError("AE-TRUSTZONE-DEVICE", `the board has no peripheral "${peripheral}" for device "${name}"`, `choose one of ${Object.keys(peripherals).join(", ")}`);
        }
        placed[DEVICES_AT + endpoint] = number;
    }
    return placed;
}

/**
 * Measurement of a module on TrustZone: `SHA-256("aex/v1/measurement/trustzone\0" ‖ image)`, its configuration block and
 * devices filled in. The firmware computes the same of what it has loaded.
 *
 * @returns 32 bytes
 */
export const trustzoneMeasurement = (image: Uint8Array): Uint8Array => sha256(concat(label("aex/v1/measurement/trustzone"), image));
