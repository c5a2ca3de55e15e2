// The peripherals of the boards, by the names that a Module's `devices` uses (docs/trustzone.md, "Peripherals").

/** Numbers as the firmware's board support knows them. */
export const PERIPHERALS: Readonly<Record<string, number>> = {
    led0: 1, led1: 2, led2: 3, led3: 4, led4: 5, led5: 6, led6: 7, led7: 8,
    userled0: 9, userled1: 10,
    button0: 11, button1: 12,
    clock1hz: 13, clock100hz: 14, counter: 15, timer0: 16,
};
