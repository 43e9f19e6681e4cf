package testenv

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// oldestPostgres is the oldest major version that the product supports.
const oldestPostgres = 15

// postgresPrograms finds the directory of initdb, pg_ctl and postgres: the one in PATH if it is new enough, else the newest among the places
// where Debian and Homebrew put what they do not put into PATH.
func postgresPrograms(ctx context.Context) (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			initdb = real
		}
		if dir := filepath.Dir(initdb); postgresMajor(ctx, dir) >= oldestPostgres {
			return dir, nil
		}
	}
	best, newest := "", oldestPostgres-1
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
	} {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("couldn't look for PostgreSQL: %w", err)
		}
		for _, dir := range dirs {
			if major := postgresMajor(ctx, dir); major > newest {
				best, newest = dir, major
			}
		}
	}
	if best == "" {
		return "", errors.New("couldn't find a PostgreSQL server of version " + strconv.Itoa(oldestPostgres) +
			" or newer on this machine: run `make test`, which installs it, or name a server in " + PostgresVariable)
	}
	return best, nil
}

// postgresMajor gives the major version of the server in a directory, 0 if there is none. It asks pg_ctl and initdb too by needing them.
func postgresMajor(ctx context.Context, dir string) int {
	for _, program := range []string{"initdb", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
			return 0
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1), or 18beta1
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return 0
	}
	digits := strings.IndexFunc(fields[2], func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(fields[2])
	}
	major, err := strconv.Atoi(fields[2][:digits])
	if err != nil {
		return 0
	}
	return major
}
