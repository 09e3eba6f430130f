// A person's answers: kept in this browser after each trial, and written as JSON at the end.
"use strict";

class AnswerRecord {
  constructor(study) {
    this.key = `vidstyle-study-${study.study}`;
    this.isKept = true;
    this.data = this.stored(study) || {
      format: "vidstyle-study-answers",
      version: 1,
      study: study.study,
      person: randomName(),
      begun: new Date().toISOString(),
      finished: null,
      window: [innerWidth, innerHeight, devicePixelRatio],
      answers: [],
    };
  }

  stored(study) {
    try {
      const data = JSON.parse(localStorage.getItem(this.key));
      return data && data.study === study.study && Array.isArray(data.answers) ? data : null;
    } catch {
      return null;
    }
  }

  add(answer) {
    this.data.answers.push(answer);
    this.keep();
  }

  finish() {
    this.data.finished = this.data.finished || new Date().toISOString();
    this.keep();
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.data));
    } catch {
      this.isKept = false;
    }
  }

  forget() {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // it was not kept either
    }
  }

  get fileName() {
    return `answers-${this.data.person}.json`;
  }

  get text() {
    return `${JSON.stringify(this.data, null, 1)}\n`;
  }

  /** Send the answers to the server of `vidstyle study serve`, if it is one; whether it has them. */
  async send() {
    if (!location.protocol.startsWith("http")) return false;
    try {
      const takes = await fetch("answers", { method: "HEAD" });
      if (takes.status !== 204) return false;
      const headers = { "content-type": "application/json" };
      return (await fetch("answers", { method: "POST", headers, body: this.text })).ok;
    } catch {
      return false;
    }
  }
}

function randomName() {
  const numbers = crypto.getRandomValues(new Uint32Array(3));
  return [...numbers].map((number) => number.toString(16).padStart(8, "0")).join("");
}
