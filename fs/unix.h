/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unix.h - sockets of one machine: AF_UNIX.
 *
 *	connect ---> listener: [ waiting ][ waiting ]  --- accept ---> socket <---> peer
 *	send --------------------------------------------------------> packets of the receiver
 *
 * What is sent waits in packets at its receiver; a stream's reader takes bytes across them, the
 * others' a packet at a time.  Files and credentials travel with a packet.  A name is a place in
 * the file system (a path) or a word (abstract: the first byte is 0).
 *
 *	unix.c		the objects: queues, peers, names, the file operations
 *	unix_message.c	sending and receiving, with what goes along
 *	unix_collect.c	files in flight, and sockets that only packets hold
 *	kernel/syscall/socket.c	the calls
 *
 * I1  A socket is freed with its last reference: its file's, its peers', its listener's.
 * I2  `queued` is the sum of the bytes in `packets`; `weight` of all that they take.
 * I3  `flying` is the number of references to `file` in packets; a socket is in the air if it is not 0.
 *
 * Context: tasks.
 */
#ifndef FS_UNIX_H
#define FS_UNIX_H

#include "fs/file.h"
#include "kernel/waitq.h"

enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_SEQPACKET = 5 };
enum { SHUT_IN = 1, SHUT_OUT = 2 };
enum {
	MSG_PEEK = 2,
	MSG_CTRUNC = 8,
	MSG_TRUNC = 0x20,
	MSG_DONTWAIT = 0x40,
	MSG_EOR = 0x80,
	MSG_WAITALL = 0x100,
	MSG_NOSIGNAL = 0x4000,
	MSG_CLOEXEC = 0x40000000,
};

#define UNIX_NAME_MAX 108
#define UNIX_BUFFER   212992 /* bytes that may wait, Linux's default */
#define UNIX_FILES    253    /* that may travel with one packet */

struct user_cred {
	int32_t pid;
	uint32_t uid, gid;
};

/* As struct sockaddr_un has it behind its family; n 0: no name. */
struct unix_name {
	uint8_t n;
	char text[UNIX_NAME_MAX + 1];
};

struct packet {
	struct list_link link;
	struct unix_name *name; /* of the sender, datagrams only; NULL: none */
	struct user_cred cred;
	struct file **files;
	unsigned nfiles;
	size_t weight;
	size_t from, to; /* bytes not read yet */
	char data[];
};

struct sock {
	uint32_t ref;
	uint8_t type, shut; /* SHUT_* */
	bool listening, closed, pass_cred;
	bool was_connected;
	int error; /* to be told once */
	struct sock *peer;
	struct list_link packets;
	size_t queued, weight, limit;
	uint64_t receive_ns, send_ns;    /* how long a call waits; 0: for ever */
	struct waitq readable, writable; /* packets, connections; room with the peer */
	struct list_link waiting, in_waiting;
	unsigned nwaiting, backlog;
	struct user_cred cred; /* the other side's, as it was when they met */
	struct unix_name *name;
	struct inode *place; /* of a path; held */
	struct list_link named;
	struct file *file; /* NULL: none yet, or none any more */
	struct list_link in_air;
	unsigned flying, inside; /* inside: unix_collect.c's count */
	bool is_reached;
};

/* ---- objects (unix.c) ------------------------------------------------------------------- */

struct sock *sock_new(unsigned type);
void sock_put(struct sock *s);
int sock_file(struct sock *s, unsigned flags, struct file **out); /* takes over the reference */
struct sock *sock_of(const struct file *f);                       /* NULL: not a socket */
void sock_join(struct sock *a, struct sock *b);
struct user_cred sock_my_cred(void);

int sock_bind(struct sock *s, const struct unix_name *name);
/* The socket of that name; referenced.  -ECONNREFUSED, or what the path answers. */
int sock_find(const struct unix_name *name, unsigned type, struct sock **out);
int sock_listen(struct sock *s, int backlog);
int sock_connect(struct sock *s, const struct unix_name *name, bool nonblock);
int sock_accept(struct sock *s, bool nonblock, struct sock **out);
int sock_shutdown(struct sock *s, unsigned how);

/* ---- messages (unix_message.c) ---------------------------------------------------------- */

struct message {
	struct uio *data;
	struct sock *to; /* send: NULL: the peer; not referenced */
	struct unix_name *name;
	struct user_cred cred;
	struct file *
	    *files; /* send: handed over if all went well; receive: to be put by who asked */
	unsigned nfiles;
	unsigned flags; /* MSG_* in and out */
	bool nonblock;
};

/* Until when a call waits that may wait so long; what it answers then (EAGAIN), and for a signal,
 * which such a call is not begun again after. */
uint64_t sock_deadline(uint64_t ns);
int sock_waited(int err, uint64_t ns);

/* Bytes, or an error if none went. */
long sock_send(struct sock *s, struct message *m);
long sock_receive(struct sock *s, struct message *m);
void packets_drop(struct sock *s);
unsigned sock_poll(struct sock *s, struct poll_table *table);

/* ---- files in flight (unix_collect.c) --------------------------------------------------- */

void files_take_off(struct packet *p);
void files_land(struct packet *p);
unsigned files_in_flight(void);
/* All of a list, with what they carry.  Not recursive, whatever that is. */
void packets_free(struct list_link *packets);
/* A socket was closed: free those that only lie in each other's packets. */
void socks_collect(void);

#endif
