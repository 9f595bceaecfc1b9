// Package platform ends a build for a system that enrow-export does not run on. The program
// locks files (flock), flushes folders and maps files into memory, as Unix does. Packages
// that need that import this one, so that a build for Windows fails with one line that says
// so, and not with all that is missing there. It also tells of file systems what only the
// system knows.
package platform
