// What is known of a command while it is under way: whether it left, and whether an answer came.

import type { Channel, MessageType, Reply } from "../session/session";

/** Looks on while the messages of one command are carried. */
export class Carried {
    private attempts = 0;
    private answered = 0;

    /** A channel that notes when the command itself is carried. */
    channel(inner: Channel): Channel {
        return {
            send: async (type: MessageType, body: Uint8Array): Promise<Reply> => {
                if (type !== "command") return inner.send(type, body);
                this.attempts++;
                const reply = await inner.send(type, body);
                this.answered++;
                return reply;
            },
        };
    }

    /** `nothing` left this machine; it was `sent` and no answer has come; or it was `answered`. */
    get state(): "nothing" | "sent" | "answered" {
        return this.attempts === 0 ? "nothing" : this.answered < this.attempts ? "sent" : "answered";
    }
}
