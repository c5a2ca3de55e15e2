// Turns the linker's complaints about a module for the MSP430 into one error that names the symbol and what to do.
import { AuthenticError } from "../../errors";

const UNDEFINED = /undefined symbol: (?<symbol>\S+)/;
const DUPLICATE = /duplicate symbol: (?<symbol>\S+)/;
const REFERENCED = /^>>>.*:\((?:function )?(?:\.text\.)?(?<user>[A-Za-z_]\w*)/m;
const OUT_OF_RANGE = /relocation \S+ out of range/;

/** Helpers a compiler calls for arithmetic on 64 bits or floating point (MSP430 EABI and libgcc names). */
const WIDE = /^(?:__mspabi_(?:mpyll|mpysll|mpyull|divlli|divull|remlli|remull|sllll|srlll|sra?ll|srall|addf|subf|mpyf|divf|cmpf|addd|subd|mpyd|divd|cmpd|cvt\w+|fix\w+|flt\w+|negf|negd)|__(?:[a-z]+(?:sf|df|di)[a-z0-9]*))$/;

/** Whether a link failed because something lies beyond the address space. */
export function isOutOfRange(output: string): boolean {
    return OUT_OF_RANGE.test(output) && !UNDEFINED.test(output);
}

/** The error of a link that failed. */
export function explainLink(module: string, output: string): AuthenticError {
    const symbol = UNDEFINED.exec(output)?.groups?.["symbol"];
    if (symbol !== undefined) {
        const user = REFERENCED.exec(output)?.groups?.["user"];
        const where = user === undefined ? "" : ` in ${user}`;
        if (WIDE.test(symbol)) {
            return new AuthenticError("AE-SANCUS-ARITHMETIC", `module "${module}" uses 64-bit or floating-point arithmetic${where}, which needs ${symbol}; the board has neither`,
                "use integers of at most 32 bits, for example fixed point");
        }
        return new AuthenticError("AE-SANCUS-LINK", `module "${module}" uses ${symbol}${where}, which the board does not have`,
            "add the source that defines it to `source`; a protected module has no library besides sancus.h, memcpy and memset");
    }
    const duplicate = DUPLICATE.exec(output)?.groups?.["symbol"];
    if (duplicate !== undefined) return new AuthenticError("AE-SANCUS-LINK", `module "${module}" defines ${duplicate} twice`, "make one of them static, or rename it");
    if (isOutOfRange(output)) {
        return new AuthenticError("AE-SANCUS-SIZE", `module "${module}" does not fit the 64 KiB address space`, "make its code, constants or variables smaller");
    }
    const first = output.split("\n").map((line) => line.trim()).find((line) => line !== "") ?? "the linker printed nothing";
    return new AuthenticError("AE-SANCUS-LINK", `module "${module}" does not link: ${first}`, "correct the source");
}
