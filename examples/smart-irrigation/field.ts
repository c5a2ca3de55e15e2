// A field that dries in the sun and drinks while the valve is open: the physical world at the pins of the emulated board.

/** Moisture the sun takes in a step, percent. */
const DRYING = 1.6;
/** Moisture an open valve brings in a step, percent. */
const WATERING = 4.2;

export class Field {
    private level: number;

    /** @param moisture - at the start, percent from 0 to 100 */
    constructor(moisture = 52) {
        this.level = moisture;
    }

    /** Soil moisture as a probe shows it, whole percent from 0 to 100. */
    get moisture(): number {
        return Math.round(this.level);
    }

    /** One step of time. @param watering - whether the valve is open */
    step(watering: boolean): void {
        this.level = Math.min(100, Math.max(0, this.level - DRYING + (watering ? WATERING : 0)));
    }
}
