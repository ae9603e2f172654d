//! What a decoder gives up before it sees an image. Each part stands alone, for kernels and containers that lack one.

use std::collections::BTreeMap;

use dlcs_imaging::Helper;
use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getpid, set_dumpable_behavior, set_parent_process_death_signal,
    setrlimit,
};
use rustix::thread::set_no_new_privs;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

type Fault = Box<dyn std::error::Error>;
type Part = fn() -> Result<(), Fault>;

/// Whom the kernel ends first when memory is short: a decoder, not the processor.
const OOM_SCORE: &str = "900";

/// Gives up what can be given up, for good, and names what could not. Returns the second thread, which could not be started
/// later.
pub(super) fn raise() -> (Option<Helper>, Vec<String>) {
    // In this order: what comes later forbids what comes before, and a thread inherits what its maker gave up.
    let mut missing = give_up(&[("OOM score", oom_score), ("process attributes", attributes), ("landlock", landlock)]);
    let (helper, of_helper) = match Helper::start(|| give_up(&THREAD)) {
        Ok((helper, its)) => (Some(helper), its),
        Err(error) => (None, vec![format!("second thread: {error}")]),
    };
    missing.extend(give_up(&[("resource limits", limits)]));
    missing.extend(give_up(&THREAD));
    let also: Vec<_> = of_helper.into_iter().filter(|what| !missing.contains(what)).collect();
    missing.extend(also);
    (helper, missing)
}

/// What each thread gives up by itself.
const THREAD: [(&str, Part); 2] = [("seccomp", seccomp), ("effect", probe)];

fn give_up(parts: &[(&str, Part)]) -> Vec<String> {
    parts.iter().filter_map(|(name, part)| Some(format!("{name}: {}", part().err()?))).collect()
}

fn oom_score() -> Result<(), Fault> {
    Ok(std::fs::write("/proc/self/oom_score_adj", OOM_SCORE)?)
}

/// No privileges by programs, no memory for others to read, no life without the processor.
fn attributes() -> Result<(), Fault> {
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// The processor limits the address space by itself, for each image anew.
fn limits() -> Result<(), Fault> {
    /// A day: the processor's clock ends images, this ends what has escaped it.
    const CPU_SECONDS: u64 = 86_400;
    /// Larger than the derivative of the largest image.
    const FILE_BYTES: u64 = 16 << 30;
    /// Those of an image twice, and the standard ones.
    const FILES: u64 = 32;
    let limits = [
        (Resource::Core, 0),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Fsize, FILE_BYTES),
        (Resource::Nofile, FILES),
        (Resource::Nproc, 0),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

/// No path can be opened, no port bound or connected to, no process outside signalled, as far as the kernel knows how.
fn landlock() -> Result<(), Fault> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?;
    match ruleset.create()?.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err("the kernel has it not, or not enabled".into()),
        _ => Ok(()),
    }
}

/// System calls of a decoder, whatever their arguments. Measured with strace, and what the allocator, the panic handler and
/// the handler of stack overflows may call in addition.
const CALLS: [i64; 26] = [
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_ftruncate,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Only these system calls; any other fails as if it were forbidden.
fn seccomp() -> Result<(), Fault> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    let only = |argument, condition, value: u64| -> Result<Vec<SeccompRule>, Fault> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, condition, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
    rules.insert(libc::SYS_mmap, only(2, executable.clone(), 0)?);
    rules.insert(libc::SYS_mprotect, only(2, executable, 0)?);
    rules.insert(libc::SYS_fcntl, only(1, SeccompCmpOp::Eq, libc::F_DUPFD_CLOEXEC as u64)?);
    // To abort.
    rules.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, getpid().as_raw_nonzero().get() as u64)?);
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(apply_filter(&program)?)
}

/// Some sandboxes of containers take filters and ignore them.
fn probe() -> Result<(), Fault> {
    match std::fs::File::open("/proc/self/stat") {
        Err(_) => Ok(()),
        Ok(_) => Err("files can still be opened".into()),
    }
}
