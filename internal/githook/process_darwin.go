package githook

import "golang.org/x/sys/unix"

// lookAt returns the arguments and the parent of a process, as sysctl(3) tells.
func lookAt(pid int) (args []string, parent int, ok bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return nil, 0, false
	}
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, int(info.Eproc.Ppid), true // a process of somebody else
	}
	return procArgs(b), int(info.Eproc.Ppid), true
}
