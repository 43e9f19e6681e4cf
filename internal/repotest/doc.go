// Package repotest holds the tests of the repository itself: what every package, file and program of this module promises, whoever wrote it.
package repotest
