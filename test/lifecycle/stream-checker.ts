// Compares what a receiver processed with what a sender sent, payload by payload.

/** What became of a stream. */
export interface StreamCounts {
    readonly sent: number;
    readonly delivered: number;
    /** Sent and never delivered. */
    readonly lost: number;
    /** Delivered more than once. */
    readonly duplicated: number;
    /** Delivered after one that was sent later. */
    readonly reordered: number;
    /** Delivered and never sent. */
    readonly foreign: number;
}

/** @param sent - all different, in order @param delivered - in the order of delivery */
export function compareStreams(sent: readonly string[], delivered: readonly string[]): StreamCounts {
    const places = new Map(sent.map((payload, index) => [payload, index]));
    if (places.size !== sent.length) throw new RangeError("two payloads are alike");
    const seen = new Set<number>();
    let highest = -1;
    const counts = { duplicated: 0, reordered: 0, foreign: 0 };
    for (const payload of delivered) {
        const place = places.get(payload);
        if (place === undefined) counts.foreign++;
        else if (seen.has(place)) counts.duplicated++;
        else {
            if (place < highest) counts.reordered++;
            highest = Math.max(highest, place);
            seen.add(place);
        }
    }
    return { sent: sent.length, delivered: delivered.length, lost: sent.length - seen.size, ...counts };
}
