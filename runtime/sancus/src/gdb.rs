//! A GDB server for one machine: registers, memory, breakpoints, single steps, over TCP on the loopback interface.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use gdbstub::common::Signal;
use gdbstub::conn::ConnectionExt;
use gdbstub::stub::run_blocking::{BlockingEventLoop, Event, WaitForStopReasonError};
use gdbstub::stub::{DisconnectReason, GdbStub, GdbStubError, SingleThreadStopReason};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep, SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{Breakpoints, BreakpointsOps, SwBreakpoint, SwBreakpointOps};
use gdbstub::target::{Target, TargetError, TargetResult};
use gdbstub_arch::msp430::Msp430;
use gdbstub_arch::msp430::reg::Msp430Regs;

use crate::{Machine, Stop};

/// Cycles between two looks at the connection for an interrupt from the debugger.
const SLICE: u64 = 1_000_000;

/// A machine under a debugger.
struct Session {
    machine: Machine,
    breakpoints: Vec<u16>,
    stepping: bool,
    cycles_left: u64,
    last: Option<Stop>,
}

/// Waits for a debugger on `port` of the loopback interface and serves it until it detaches, kills the program, or the
/// program ends. Returns the machine and why it stopped last, if it ran.
///
/// # Errors
/// If the port cannot be opened or the connection breaks.
pub fn serve(machine: Machine, port: u16, max_cycles: u64) -> io::Result<(Machine, Option<Stop>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    eprintln!("waiting for a debugger: target remote {}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    debug(machine, stream, max_cycles)
}

fn debug(machine: Machine, stream: TcpStream, max_cycles: u64) -> io::Result<(Machine, Option<Stop>)> {
    stream.set_nodelay(true)?;
    let connection: Box<dyn ConnectionExt<Error = io::Error>> = Box::new(stream);
    let mut session = Session { machine, breakpoints: Vec::new(), stepping: false, cycles_left: max_cycles, last: None };
    match GdbStub::new(connection).run_blocking::<Loop>(&mut session) {
        Ok(DisconnectReason::Disconnect) => {
            let stop = session.machine.run(session.cycles_left);
            Ok((session.machine, Some(stop)))
        }
        Ok(_) => Ok((session.machine, session.last)),
        Err(error) => Err(broken(error)),
    }
}

fn broken<T: std::fmt::Debug + std::fmt::Display>(error: GdbStubError<T, io::Error>) -> io::Error {
    io::Error::other(error.to_string())
}

/// How the debugger's "continue" and "step" are carried out.
enum Loop {}

impl BlockingEventLoop for Loop {
    type Target = Session;
    type Connection = Box<dyn ConnectionExt<Error = io::Error>>;
    type StopReason = SingleThreadStopReason<u16>;

    fn wait_for_stop_reason(
        session: &mut Session,
        connection: &mut Self::Connection,
    ) -> Result<Event<Self::StopReason>, WaitForStopReasonError<String, io::Error>> {
        loop {
            if let Some(reason) = session.advance() {
                return Ok(Event::TargetStopped(reason));
            }
            if connection.peek().map_err(WaitForStopReasonError::Connection)?.is_some() {
                let byte = connection.read().map_err(WaitForStopReasonError::Connection)?;
                return Ok(Event::IncomingData(byte));
            }
        }
    }

    fn on_interrupt(_session: &mut Session) -> Result<Option<Self::StopReason>, String> {
        Ok(Some(SingleThreadStopReason::Signal(Signal::SIGINT)))
    }
}

impl Session {
    /// Runs a slice; a reason if the program stopped.
    fn advance(&mut self) -> Option<SingleThreadStopReason<u16>> {
        let before = self.machine.cycles();
        let stepping = self.stepping;
        let breakpoints = &self.breakpoints;
        let mut steps = 0u32;
        let stop = self.machine.run_while(SLICE.min(self.cycles_left), |m| {
            steps += 1;
            // The instruction the program stopped at last runs in any case.
            steps == 1 || !(stepping || breakpoints.contains(&m.registers()[0]))
        });
        self.cycles_left = self.cycles_left.saturating_sub(self.machine.cycles() - before);
        self.last = Some(stop);
        match stop {
            Stop::Budget if self.cycles_left == 0 => Some(SingleThreadStopReason::Terminated(Signal::SIGXCPU)),
            Stop::Budget if stepping => Some(SingleThreadStopReason::DoneStep),
            Stop::Budget if self.breakpoints.contains(&self.machine.registers()[0]) => Some(SingleThreadStopReason::SwBreak(())),
            Stop::Budget => None,
            Stop::Requested if stepping => Some(SingleThreadStopReason::DoneStep),
            Stop::Requested => Some(SingleThreadStopReason::SwBreak(())),
            Stop::CpuOff => Some(SingleThreadStopReason::Exited(0)),
            Stop::UnhandledViolation(_) => Some(SingleThreadStopReason::Signal(Signal::SIGSEGV)),
        }
    }
}

impl Target for Session {
    type Arch = Msp430;
    type Error = String;

    fn base_ops(&mut self) -> BaseOps<'_, Msp430, String> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Session {
    fn read_registers(&mut self, registers: &mut Msp430Regs<u16>) -> TargetResult<(), Self> {
        let [pc, sp, sr, ref rest @ ..] = *self.machine.registers();
        (registers.pc, registers.sp, registers.sr) = (pc, sp, sr);
        registers.r.copy_from_slice(&rest[1..]);
        Ok(())
    }

    fn write_registers(&mut self, registers: &Msp430Regs<u16>) -> TargetResult<(), Self> {
        for (i, value) in [registers.pc, registers.sp, registers.sr].into_iter().enumerate() {
            self.machine.set_register(i, value);
        }
        for (i, value) in registers.r.iter().enumerate() {
            self.machine.set_register(4 + i, *value);
        }
        Ok(())
    }

    fn read_addrs(&mut self, start: u16, data: &mut [u8]) -> TargetResult<usize, Self> {
        let bytes = self.machine.peek_range(start, data.len());
        data[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write_addrs(&mut self, start: u16, data: &[u8]) -> TargetResult<(), Self> {
        self.machine.load(start, data).map_err(|_| TargetError::NonFatal)
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadResume for Session {
    fn resume(&mut self, _signal: Option<Signal>) -> Result<(), String> {
        self.stepping = false;
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Session {
    fn step(&mut self, _signal: Option<Signal>) -> Result<(), String> {
        self.stepping = true;
        Ok(())
    }
}

impl Breakpoints for Session {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Session {
    fn add_sw_breakpoint(&mut self, address: u16, _kind: usize) -> TargetResult<bool, Self> {
        self.breakpoints.push(address);
        Ok(true)
    }

    fn remove_sw_breakpoint(&mut self, address: u16, _kind: usize) -> TargetResult<bool, Self> {
        let found = self.breakpoints.iter().position(|b| *b == address);
        if let Some(i) = found {
            self.breakpoints.swap_remove(i);
        }
        Ok(found.is_some())
    }
}
