// Names of reactive-tools under the rules that hold here: resources are named in paths, declarations in C and Rust.

/** Words that are no names in C or Rust, or that the kit uses in the bodies of declarations. */
const RESERVED = new Set(("auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct "
    + "switch typedef union unsigned void volatile while bool true false main as async await crate dyn fn impl in let loop match mod move mut pub ref self super trait type unsafe use where abstract "
    + "become box final gen macro override priv try typeof unsized virtual yield data length reply capacity memcpy memmove memset memcmp").split(" "));

/** Hands out names that are valid and differ from each other. */
export class Names {
    private readonly given = new Map<string, string>();
    private readonly taken = new Set<string>();

    constructor(private readonly form: (written: string) => string, private readonly longest: number) {}

    /** The name for what was written: the same for the same, another for another. */
    of(written: string): string {
        const known = this.given.get(written);
        if (known !== undefined) return known;
        const wanted = this.form(written).slice(0, this.longest);
        let name = wanted;
        for (let number = 2; this.taken.has(name); number++) name = `${wanted.slice(0, this.longest - 1 - String(number).length)}_${number}`;
        this.taken.add(name);
        this.given.set(written, name);
        return name;
    }
}

/** Names of resources. */
export const resourceNames = (): Names => new Names((written) => written.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "unnamed", 63);

/** Names of declarations of one module. */
export const declarationNames = (): Names => new Names((written) => {
    const name = written.replace(/[^A-Za-z0-9_]/g, "_").replace(/^_+/, "");
    return RESERVED.has(name) ? `${name}_event` : /^[A-Za-z]/.test(name) ? name : `event${name}`;
}, 47);
