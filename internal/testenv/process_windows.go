package testenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// errWindows is why no cluster starts by itself here: what removes it again needs a POSIX shell and signals.
var errWindows = errors.New("couldn't start a throwaway PostgreSQL cluster on Windows: name a server in " + PostgresVariable)

func giveToServer(string) error  { return errWindows }
func runAsServer(*exec.Cmd)      {}
func detach(*exec.Cmd)           {}
func alive(int) bool             { return false }
func ownedByUs(os.FileInfo) bool { return true }

// Kill is not possible on Windows, where clusters are never started.
func (c *PostgresCluster) Kill(context.Context) error { return errWindows }

func (c *PostgresCluster) processes(context.Context) (int, []int, error) { return 0, nil, nil }
