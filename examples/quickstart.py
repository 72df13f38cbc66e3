"""The quickstart of the README: text in, text out, one file. Takes about a minute."""

import keras

import seq2seq

keras.utils.set_random_seed(1)
english, chinese = seq2seq.datasets.hsk_sentences()
english, chinese = english[:400], chinese[:400]  # so few that the model learns them by heart

source = seq2seq.WordTokenizer(max_tokens=8000).adapt(english)
target = seq2seq.JiebaTokenizer(max_tokens=8000).adapt(chinese)
model = seq2seq.Seq2Seq(source, target, units=256)
model.optimizer.learning_rate = 3e-3
model.fit(english, chinese, epochs=30, batch_size=16, verbose=0)

print(model.generate("Where is the restroom?"))
print(model.generate(["Hello, teacher!", "He is my teacher."]))
print(model.generate("Where is the restroom?", sampler="beam", return_details=True).tokens)

model.save("translator.keras")  # weights, both vocabularies, settings
print(keras.saving.load_model("translator.keras").generate("Goodbye, teacher!"))
