// SPDX-License-Identifier: BSD-2-Clause
//
// node: V8's compiler writes code at run time into memory whose rights it changes, its heap lives in
// reservations of gigabytes, and its threads wait in epoll and for futexes.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');

if (!isMainThread) {
	const { shared, turns } = workerData;
	const cell = new Int32Array(shared);
	for (let i = 0; i < turns; i++)
		Atomics.add(cell, 0, 1);
	Atomics.notify(cell, 1);
	parentPort.postMessage('done');
	return;
}

// A function that runs often enough to be compiled, and then meets what it was not compiled for.
function compiled() {
	const sum = (a) => { let s = 0; for (const x of a) s += x; return s; };
	const numbers = Array.from({ length: 1000 }, (_, i) => i);
	let all = 0;
	for (let i = 0; i < 3000; i++)
		all += sum(numbers);
	return [all, sum([0.5, 1, 'x'])];
}

// Memory that dies young, and some that stays.
function garbage() {
	let kept = [];
	for (let i = 0; i < 300000; i++) {
		const o = { i, s: 'number ' + i };
		if (i % 1000 === 0)
			kept.push(o);
	}
	return [kept.length, kept[299].s];
}

function wasm() {
	// (module (memory 1 1000) (func (export "f") (param i32) (result i32) local.get 0 i32.load))
	const bytes = Uint8Array.from([
		0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 5, 1, 1, 1, 232, 7,
		7, 9, 2, 1, 102, 0, 0, 1, 109, 2, 0, 10, 9, 1, 7, 0, 32, 0, 40, 2, 0, 11]);
	const { f, m } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
	new Int32Array(m.buffer)[3] = 42;
	const inside = f(12);
	let outside;
	try { f(65536); } catch (e) { outside = e.name; } // found by a fault
	m.grow(999);
	return [inside, outside, f(65536), m.buffer.byteLength];
}

function workers() {
	const shared = new SharedArrayBuffer(8);
	const started = [1, 2, 3, 4].map(() => new Promise((yes) =>
		new Worker(__filename, { workerData: { shared, turns: 10000 } }).on('exit', yes)));
	return Promise.all(started).then((codes) => [codes.join(), new Int32Array(shared)[0]]);
}

function files() {
	fs.writeFileSync('/tmp/node.txt', 'x'.repeat(100000));
	return new Promise((yes) => {
		let size = 0;
		fs.createReadStream('/tmp/node.txt').on('data', (d) => { size += d.length; })
			.on('end', () => { fs.unlinkSync('/tmp/node.txt'); yes([size]); });
	});
}

function children() {
	const said = execFileSync('/bin/sh', ['-c', 'echo from a child']).toString().trim();
	return new Promise((yes) => {
		const cat = spawn('cat');
		let back = '';
		cat.stdout.on('data', (d) => { back += d; });
		cat.on('close', (code, signal) => yes([said, back, code, signal]));
		cat.stdin.end('through a pipe');
	});
}

function timers() {
	const order = [];
	return new Promise((yes) => {
		setTimeout(() => { order.push('60 ms'); yes([order.join(', ')]); }, 60);
		setTimeout(() => order.push('10 ms'), 10);
		process.nextTick(() => order.push('next'));
	});
}

(async () => {
	for (const part of [compiled, garbage, wasm, workers, files, children, timers])
		console.log(`== ${part.name}\n${(await part()).map(String).join('\n')}`);
})();
