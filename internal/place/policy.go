package place

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Policies are the files that may hold a policy for what is done in a directory:
// the administrator's, the organisation's where this machine has it, the nearest one
// upwards of the directory, and the user's own. They need not be there.
func Policies(dir, org string, env Env) []string {
	files := PoliciesOf(PolicyFolder(), org)
	for at := dir; at != ""; {
		file := filepath.Join(at, ProjectDir, policyFile)
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
			break
		}
		parent := filepath.Dir(at)
		if parent == at {
			break
		}
		at = parent
	}
	return append(files, filepath.Join(filepath.Dir(ConfigFile(env)), policyFile))
}

// PoliciesOf are those that hold for an organisation wherever something is done: the
// administrator's, and its own out of a folder.
func PoliciesOf(folder, org string) []string {
	return []string{SystemPolicy(), filepath.Join(folder, orgFile(org)+".toml")}
}

const policyFile = "policy.toml"

// SystemPolicy is the file of the administrator's policy, which users can't write.
// No variable of the environment moves it: an agent could set one.
func SystemPolicy() string {
	if runtime.GOOS == "windows" {
		return `C:\ProgramData\whodid\` + policyFile
	}
	return "/etc/whodid/" + policyFile
}

// PolicyFolder is the folder of the policies of organisations, beside the
// administrator's.
func PolicyFolder() string { return filepath.Join(filepath.Dir(SystemPolicy()), "policies") }

// Branch is the branch that is checked out in the git working tree that dir is in,
// or "" if none is. It reads two small files at most.
func Branch(dir string) string {
	root, _ := Repository(dir)
	if root == "" {
		return ""
	}
	git := filepath.Join(root, ".git")
	if b, err := os.ReadFile(git); err == nil { // a file in worktrees and submodules
		to, _ := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
		if !filepath.IsAbs(to) {
			to = filepath.Join(root, to)
		}
		git = to
	}
	head, err := os.ReadFile(filepath.Join(git, "HEAD"))
	if err != nil {
		return ""
	}
	branch, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	if !ok {
		return ""
	}
	return branch
}
