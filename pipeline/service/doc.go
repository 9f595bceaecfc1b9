// Package service is the one long-lived process: when its runs begin, how well it is, and
// how it tells. It is built around a Loop:
//
//	survey     at first, and every so often: which batches are left to do
//	announced  batches of which a notice says that they are finished: at once
//	run        some of them, the announced ones first, as a run of export
//
// The Loop decides nothing about batches. The manifest has them all: a notice is recorded
// there before it is acknowledged, and whatever the Loop forgets when it dies, the next survey
// finds. So two services over one root, and runs of cron beside them, do no more harm to each
// other than runs do.
//
// A run takes a part of the backlog at a time, so that an announced batch waits for a minute
// and not for a backfill. A failure concerns all batches (the key, the API, the root) or one
// kind. A pause follows, in which no such batch is asked for. It grows with each failure, so
// nothing is hammered. Ages are measured by the monotonic clock, which does not jump.
//
// What the Loop needs of the pipeline are the functions of Config; cmd wires them.
package service
