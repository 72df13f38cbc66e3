"""Asks a server of seq2seq by OpenAI's own client: whole answers, streams, vectors.

seq2seq serve translator &
pip install openai
python openai_client.py --text "Where is the station?"
"""

import argparse
import os

import openai


def main() -> None:
    """Asks each of the server's models that generates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--address", default="http://127.0.0.1:8000/v1", help="of the server, with /v1"
    )
    parser.add_argument("--text", default="Good morning.", help="what is sent")
    arguments = parser.parse_args()
    key = os.environ.get("SEQ2SEQ_API_KEY", "none is needed on this machine")
    client = openai.OpenAI(base_url=arguments.address, api_key=key)
    for model in client.models.list():
        if model.task in ("classify", "fill") or not model.tokenizer:
            continue
        asked = {"model": model.id, "prompt": arguments.text, "temperature": 0}
        answer = client.completions.create(**asked)
        print(f"{model.id}: {answer.choices[0].text}")
        print(f"  {answer.usage.completion_tokens} tokens: ", end="")
        for part in client.completions.create(**asked, stream=True):
            print(part.choices[0].text, end="|", flush=True)
        vector = client.embeddings.create(model=model.id, input=arguments.text).data[0].embedding
        print(f"\n  as a vector of {len(vector)} numbers: {vector[0]:.3f}, {vector[1]:.3f}, ...")


if __name__ == "__main__":
    main()
